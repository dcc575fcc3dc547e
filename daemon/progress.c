#include "daemon/progress.h"

#include "daemon/clock.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_COLUMNS 80
#define BAR_MAX 40
#define FIRST_GUESS_S 2
#define LONGEST_GUESS_S (96 * 3600)
#define ERASE_LINE "\r\033[K"

void progress_init(struct progress *progress, FILE *stream, uint64_t now_ns)
{
    *progress = (struct progress){
        .stream = stream, .terminal = isatty(fileno(stream)) == 1, .begun_ns = now_ns};
}

static size_t columns(const struct progress *progress)
{
    struct winsize size;
    if (ioctl(fileno(progress->stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return DEFAULT_COLUMNS;
}

/* "1:05 left", or "" where nothing can be said of it. */
static void describe_left(char *text, size_t size, double elapsed_s, double share)
{
    *text = '\0';
    if (elapsed_s < FIRST_GUESS_S || share <= 0 || share >= 1)
        return;
    double left_s = fmax(round(elapsed_s * (1 - share) / share), 1);
    if (left_s >= LONGEST_GUESS_S)
        return;
    unsigned s = (unsigned)left_s;
    if (s >= 3600)
        snprintf(text, size, "%u:%02u:%02u left", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%u:%02u left", s / 60, s % 60);
}

void progress_show(struct progress *progress, double share, const char *words, uint64_t now_ns)
{
    if (!progress->terminal)
        return;
    double clipped = share > 0 ? (share < 1 ? share : 1) : 0;
    char left[32];
    describe_left(left, sizeof left, (double)(now_ns - progress->begun_ns) / (double)CLOCK_NS_PER_S,
                  clipped);
    const char *comma = *words != '\0' && *left != '\0' ? ", " : "";
    size_t width = columns(progress);
    size_t rest = strlen(words) + strlen(comma) + strlen(left) + strlen("[] 100%  ");
    if (width <= rest) { /* no room for a bar that says anything */
        rest -= strlen(comma) + strlen(left);
        comma = "";
        *left = '\0';
    }
    if (width <= rest)
        return;
    size_t bar = width - rest < BAR_MAX ? width - rest : BAR_MAX;
    size_t full = (size_t)(clipped * (double)bar);
    static const char sharps[] = "########################################";
    static const char dots[] = "........................................";
    fprintf(progress->stream, ERASE_LINE "[%.*s%.*s] %3.0f%% %s%s%s", (int)full, sharps,
            (int)(bar - full), dots, clipped * 100, words, comma, left);
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

static int ended_terminal; /* a descriptor */

/* The signal's own action is back by now, and comes once this returns. */
static void clear_and_end(int number)
{
    (void)!write(ended_terminal, ERASE_LINE, strlen(ERASE_LINE));
    (void)raise(number);
}

void progress_clear_when_ended(const struct progress *progress)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    if (!progress->terminal)
        return;
    ended_terminal = fileno(progress->stream);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const struct sigaction clear = {.sa_handler = clear_and_end, .sa_flags = SA_RESETHAND};
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            (void)sigaction(numbers[i], &clear, NULL);
    }
}
