#include "daemon/progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_COLUMNS 80
#define BAR_MAX 40
#define ERASE_LINE "\r\033[K"

void progress_init(struct progress *progress, FILE *stream)
{
    *progress = (struct progress){.stream = stream, .terminal = isatty(fileno(stream)) == 1};
}

static size_t columns(const struct progress *progress)
{
    struct winsize size;
    if (ioctl(fileno(progress->stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return DEFAULT_COLUMNS;
}

void progress_show(struct progress *progress, double share, const char *words)
{
    if (!progress->terminal)
        return;
    size_t width = columns(progress);
    size_t rest = strlen(words) + strlen("[] 100%  ");
    if (width <= rest)
        return; /* no room for a bar that says anything */
    size_t bar = width - rest < BAR_MAX ? width - rest : BAR_MAX;
    double clipped = share > 0 ? (share < 1 ? share : 1) : 0;
    size_t full = (size_t)(clipped * (double)bar);
    static const char sharps[] = "########################################";
    static const char dots[] = "........................................";
    fprintf(progress->stream, ERASE_LINE "[%.*s%.*s] %3.0f%% %s", (int)full, sharps,
            (int)(bar - full), dots, clipped * 100, words);
    fflush(progress->stream);
    progress->shown = true;
}

void progress_clear(struct progress *progress)
{
    if (!progress->shown)
        return;
    fputs(ERASE_LINE, progress->stream);
    fflush(progress->stream);
    progress->shown = false;
}
