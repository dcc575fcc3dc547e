#include "daemon/terminal_screen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_COLUMNS 80
#define DEFAULT_ROWS 24

/* Another screen, no cursor, no wrapping of lines; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define LEAVE "\033[m\033[?7h\033[?25h\033[?1049l"

#define HOME "\033[H"
#define LINE_END "\033[K\r\n"
#define LAST_END "\033[K\033[J"
#define ENDS_SIZE 64 /* of what stands before and behind all lines */

bool terminal_screen_possible(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

enum tutti_status terminal_screen_init(struct terminal_screen *screen, size_t size,
                                       struct tutti_error *error)
{
    *screen = (struct terminal_screen){.size = size};
    screen->picture = calloc(1, size);
    screen->bytes = malloc(size * strlen(LINE_END) + ENDS_SIZE);
    if (screen->picture != NULL && screen->bytes != NULL)
        return TUTTI_OK;
    terminal_screen_free(screen);
    return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
}

void terminal_screen_free(struct terminal_screen *screen)
{
    terminal_screen_leave(screen);
    free(screen->picture);
    free(screen->bytes);
    screen->picture = screen->bytes = NULL;
}

static bool write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = STDOUT_FILENO, .events = POLLOUT};
            (void)poll(&ready, 1, 1000);
        } else if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

void terminal_screen_enter(struct terminal_screen *screen)
{
    if (screen->entered)
        return;
    screen->entered = true;
    screen->keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (screen->keys) {
        struct termios quiet = screen->before;
        quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        quiet.c_cc[VMIN] = 0;
        quiet.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
    }
    (void)write_all(ENTER, strlen(ENTER));
    terminal_screen_forget(screen);
}

void terminal_screen_leave(struct terminal_screen *screen)
{
    if (!screen->entered)
        return;
    screen->entered = false;
    (void)write_all(LEAVE, strlen(LEAVE));
    if (screen->keys)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
}

void terminal_screen_measure(unsigned *columns, unsigned *rows)
{
    struct winsize size = {.ws_col = 0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *columns = size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS;
    *rows = size.ws_row > 0 ? size.ws_row : DEFAULT_ROWS;
}

void terminal_screen_forget(struct terminal_screen *screen)
{
    screen->picture[0] = '\0';
}

static size_t append(char *bytes, size_t length, const char *text, size_t size)
{
    memcpy(bytes + length, text, size);
    return length + size;
}

bool terminal_screen_show(struct terminal_screen *screen, const char *picture)
{
    if (!screen->entered || strcmp(picture, screen->picture) == 0)
        return true;
    const size_t size = strnlen(picture, screen->size - 1);
    memcpy(screen->picture, picture, size);
    screen->picture[size] = '\0';
    size_t length = append(screen->bytes, 0, HOME, strlen(HOME));
    for (const char *line = screen->picture;;) {
        const size_t part = strcspn(line, "\n");
        length = append(screen->bytes, length, line, part);
        if (line[part] == '\0' || line[part + 1] == '\0')
            break;
        length = append(screen->bytes, length, LINE_END, strlen(LINE_END));
        line += part + 1;
    }
    length = append(screen->bytes, length, LAST_END, strlen(LAST_END));
    return write_all(screen->bytes, length);
}

char terminal_screen_key(struct terminal_screen *screen)
{
    char key = 0;
    if (!screen->entered || !screen->keys || read(STDIN_FILENO, &key, 1) != 1)
        return 0;
    return key;
}
