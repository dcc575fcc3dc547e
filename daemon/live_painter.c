#include "daemon/live_painter.h"

#include "daemon/clock.h"
#include "daemon/live_sentence.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS_MAX 100u     /* wider bars say no more */
#define CELL_COLUMNS_MIN 34u /* of a bar with its name, where several stand side by side */
#define BAR_COLUMNS_MIN 8u
#define ROWS_MAX 1000u
#define LEVEL_ROWS 6u /* so many rows have one for the level */
#define LEVEL_BOTTOM_DBFS (-60.0)
#define LEVEL_TEXT_COLUMNS 9u
#define LEVEL_BAR_COLUMNS_MIN 4u
#define CLIP_S 5
#define LINES_BESIDE_BARS 3u /* headline, level, state */

/* Where the parts of a bar's line are, in columns of the line or of its share of it. */
struct cell {
    unsigned columns;
    unsigned name;  /* its width */
    unsigned bar;   /* the same */
    unsigned right; /* the same of what stands behind the bar; 0: nothing */
    bool clock;     /* the time of day as well */
};

struct picture {
    const struct live *live;
    const struct live_look *look;
    uint64_t now_ns;
    struct live_sentence said;
    struct canvas canvas;
    unsigned lines; /* written so far */
    struct cell cell;
    unsigned across; /* cells beside each other */
    unsigned down;   /* lines of cells */
    size_t shown[LIVE_LABELS_MAX];
    size_t shown_count;
};

static void end_line(struct picture *picture)
{
    if (++picture->lines < picture->look->rows)
        canvas_end_line(&picture->canvas);
    else
        canvas_set_style(&picture->canvas, CANVAS_PLAIN);
}

/* ---- the headline ---- */

/* "piano, cello & voice", of the first `count` names, with "& 2 more" for the rest. */
static void write_names(struct canvas *canvas, const struct live *live, const size_t *places,
                        size_t count, size_t all)
{
    for (size_t i = 0; i < count; i++) {
        const char *between = i == 0 ? "" : i + 1 == all ? " & " : ", ";
        const char *name = live->labels[places[i]].name;
        canvas_write(canvas, between, canvas->columns);
        if (i == 0)
            canvas_write_capitalized(canvas, name, canvas->columns);
        else
            canvas_write(canvas, name, canvas->columns);
    }
    char more[32];
    snprintf(more, sizeof more, " & %zu more", all - count);
    if (count < all)
        canvas_write(canvas, more, canvas->columns);
}

static void paint_headline(struct picture *picture)
{
    struct canvas *canvas = &picture->canvas;
    size_t places[LIVE_LABELS_MAX];
    const size_t all = picture->said.stale ? 0 : live_present(picture->live, places);
    canvas_pad(canvas, 1);
    if (all == 0) {
        static const enum canvas_style styles[] = {CANVAS_STRONG, CANVAS_STRONG, CANVAS_WAIT,
                                                   CANVAS_BAD};
        canvas_set_style(canvas, styles[picture->said.mood]);
        canvas_write(canvas, picture->said.title, canvas->columns);
        end_line(picture);
        return;
    }
    size_t count = all;
    for (; count > 1; count--) { /* as many as fit */
        char text[LIVE_LABELS_MAX + 1];
        struct canvas attempt;
        canvas_init(&attempt, text, sizeof text, 2 * canvas->columns, canvas->utf8, CANVAS_BARE);
        write_names(&attempt, picture->live, places, count, all);
        if (attempt.column + 1 <= canvas->columns)
            break;
    }
    canvas_set_style(canvas, CANVAS_GOOD);
    write_names(canvas, picture->live, places, count, all);
    end_line(picture);
}

/* ---- bars ---- */

/* value and tick: 0 to 1; no tick if it is not above 0. */
static void paint_bar(struct canvas *canvas, unsigned columns, double value, double tick,
                      enum canvas_style style)
{
    const unsigned halves = (unsigned)lround(fmin(fmax(value, 0), 1) * 2 * columns);
    unsigned tick_at = columns;
    if (tick > 0)
        tick_at = (unsigned)(fmin(tick, 1) * columns);
    if (tick >= 1)
        tick_at = columns - 1;
    for (unsigned i = 0; i < columns; i++) {
        const bool filled = 2 * i + 1 < halves;
        const bool half = 2 * i + 1 == halves;
        canvas_set_style(canvas, filled || half ? style : CANVAS_DIM);
        if (i == tick_at)
            canvas_put(canvas, filled ? "╋" : "┼", '|');
        else if (filled)
            canvas_put(canvas, "━", '=');
        else if (half)
            canvas_put(canvas, "╸", '-');
        else
            canvas_put(canvas, "─", '.');
    }
    canvas_set_style(canvas, CANVAS_PLAIN);
}

/* "0:12", "1:02:03", "3 days". */
static void write_ago(double ago_s, char *text, size_t size)
{
    const unsigned s = (unsigned)fmin(fmax(ago_s, 0), 1e9);
    if (s < 3600)
        snprintf(text, size, "%u:%02u", s / 60, s % 60);
    else if (s < 2 * 86400)
        snprintf(text, size, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%u days", s / 86400);
}

static void paint_entry(struct picture *picture, const struct live_label *label, unsigned column)
{
    const double now = live_time_now(picture->live, picture->now_ns);
    if (picture->cell.right == 0 || label->entered <= 0 || now <= 0)
        return;
    char ago[32];
    char text[80];
    char clock[16] = "";
    write_ago(now - label->entered, ago, sizeof ago);
    const time_t entered = (time_t)label->entered;
    struct tm local;
    if (picture->cell.clock && localtime_r(&entered, &local) != NULL)
        (void)strftime(clock, sizeof clock, "%H:%M:%S  ", &local);
    const bool room = picture->cell.right > 8;
    snprintf(text, sizeof text, "%s%s%s", clock, ago, room ? " ago" : "");
    struct canvas *canvas = &picture->canvas;
    canvas_pad(canvas, column);
    canvas_set_style(canvas, label->present ? CANVAS_PLAIN : CANVAS_DIM);
    canvas_write(canvas, text, picture->cell.right);
    canvas_set_style(canvas, CANVAS_PLAIN);
}

static void paint_cell(struct picture *picture, const struct live_label *label, unsigned column)
{
    struct canvas *canvas = &picture->canvas;
    const struct cell *cell = &picture->cell;
    const bool heard = !picture->said.stale;
    const bool present = heard && label->present;
    canvas_pad(canvas, column + 1);
    canvas_set_style(canvas, present ? CANVAS_GOOD : CANVAS_PLAIN);
    canvas_put(canvas, present ? "▸" : " ", present ? '>' : ' ');
    canvas_pad(canvas, column + 3);
    canvas_write(canvas, label->name, cell->name);
    canvas_set_style(canvas, CANVAS_PLAIN);
    canvas_pad(canvas, column + 3 + cell->name + 1);
    paint_bar(canvas, cell->bar, heard ? label->probability : 0, label->threshold,
              present ? CANVAS_GOOD : CANVAS_PLAIN);
    paint_entry(picture, label, column + 3 + cell->name + 1 + cell->bar + 2);
}

static void paint_bars(struct picture *picture)
{
    for (unsigned line = 0; line < picture->down; line++) {
        for (unsigned i = 0; i < picture->across; i++) {
            const size_t at = (size_t)i * picture->down + line;
            if (at < picture->shown_count)
                paint_cell(picture, &picture->live->labels[picture->shown[at]],
                           i * picture->cell.columns);
        }
        end_line(picture);
    }
}

/* ---- the level, and the state of things ---- */

static double level_share(double level_dbfs)
{
    return fmin(fmax(1 - level_dbfs / LEVEL_BOTTOM_DBFS, 0), 1);
}

static void write_level(const struct picture *picture, char *text, size_t size)
{
    const struct live *live = picture->live;
    const char *minus = picture->canvas.utf8 ? "−" : "-";
    const double level_dbfs = round(live->level_dbfs);
    const bool clipped =
        live->clipped_ns != 0 && picture->now_ns - live->clipped_ns < CLIP_S * CLOCK_NS_PER_S;
    if (picture->said.stale)
        snprintf(text, size, "%s", "");
    else if (!(level_dbfs > -119))
        snprintf(text, size, "%s%s dBFS", minus, picture->canvas.utf8 ? "∞" : "inf");
    else
        snprintf(text, size, "%s%.0f dBFS%s", level_dbfs < 0 ? minus : "", fabs(level_dbfs),
                 clipped ? ", clipping" : "");
}

static void paint_level(struct picture *picture)
{
    struct canvas *canvas = &picture->canvas;
    const struct live *live = picture->live;
    const bool heard = !picture->said.stale;
    char text[64];
    write_level(picture, text, sizeof text);
    struct cell cell = picture->cell;
    if (cell.right < LEVEL_TEXT_COLUMNS) {
        const unsigned more = LEVEL_TEXT_COLUMNS - cell.right + (cell.right == 0 ? 2 : 0);
        cell.bar = cell.bar >= more + LEVEL_BAR_COLUMNS_MIN ? cell.bar - more : 0;
    }
    canvas_pad(canvas, 3);
    canvas_write(canvas, "level", cell.name);
    canvas_pad(canvas, 3 + cell.name + 1);
    if (cell.bar > 0)
        paint_bar(canvas, cell.bar, heard ? level_share(live->level_dbfs) : 0,
                  heard ? level_share(live->peak_dbfs) : 0, CANVAS_PLAIN);
    if (*text != '\0' && cell.bar > 0)
        canvas_pad(canvas, 3 + cell.name + 1 + cell.bar + 2);
    canvas_write(canvas, text, canvas->columns);
    end_line(picture);
}

static void write_fact(struct canvas *canvas, const char *fact)
{
    if (*fact == '\0')
        return;
    canvas_set_style(canvas, CANVAS_DIM);
    canvas_write(canvas, " ", 1);
    canvas_put(canvas, "·", '-');
    canvas_write(canvas, " ", 1);
    canvas_write(canvas, fact, canvas->columns);
}

static void paint_state(struct picture *picture)
{
    static const enum canvas_style styles[] = {CANVAS_GOOD, CANVAS_DIM, CANVAS_WAIT, CANVAS_BAD};
    struct canvas *canvas = &picture->canvas;
    const struct live *live = picture->live;
    char fact[64] = "";
    canvas_pad(canvas, 1);
    canvas_set_style(canvas, styles[picture->said.mood]);
    canvas_put(canvas, "•", '*');
    canvas_write(canvas, " ", 1);
    canvas_write(canvas, picture->said.chip, canvas->columns);
    if (picture->said.detail[0] != '\0') {
        write_fact(canvas, picture->said.detail);
        end_line(picture);
        return;
    }
    if (picture->look->rows < LEVEL_ROWS) {
        write_level(picture, fact, sizeof fact);
        write_fact(canvas, fact);
    }
    write_fact(canvas, live->source);
    if (picture->shown_count < live->label_count) {
        snprintf(fact, sizeof fact, "%zu of %zu shown", picture->shown_count, live->label_count);
        write_fact(canvas, fact);
    } else {
        write_fact(canvas, live->model);
    }
    end_line(picture);
}

/* ---- where everything goes ---- */

static unsigned longest_name(const struct picture *picture)
{
    unsigned columns = (unsigned)strlen("level");
    for (size_t i = 0; i < picture->live->label_count; i++) {
        const unsigned width = canvas_width(&picture->canvas, picture->live->labels[i].name);
        columns = width > columns ? width : columns;
    }
    return columns;
}

static void lay_out_cell(struct picture *picture, unsigned columns)
{
    struct cell *cell = &picture->cell;
    *cell = (struct cell){.columns = columns < COLUMNS_MAX ? columns : COLUMNS_MAX};
    cell->clock = cell->columns >= 64;
    cell->right = cell->clock ? 21 : cell->columns >= 48 ? 11 : cell->columns >= 36 ? 7 : 0;
    const unsigned beside = 3 + 1 + (cell->right > 0 ? 2 + cell->right : 0);
    const unsigned rest = cell->columns > beside ? cell->columns - beside : 0;
    const unsigned name = longest_name(picture);
    const unsigned most = rest > BAR_COLUMNS_MIN ? rest - BAR_COLUMNS_MIN : rest / 2;
    cell->name = name < most ? name : most;
    cell->bar = rest - cell->name;
}

/* The labels that there is room for: those that play or played last; in the model's order. Who is
 * shown changes only when one that is not comes in. */
static void choose(struct picture *picture, size_t room)
{
    const struct live *live = picture->live;
    picture->shown_count = 0;
    for (size_t i = 0; i < live->label_count; i++) {
        size_t before = 0; /* labels that come before this one */
        for (size_t k = 0; k < live->label_count; k++)
            before += live->labels[k].present_last > live->labels[i].present_last ||
                      (k < i && live->labels[k].present_last == live->labels[i].present_last);
        if (before < room)
            picture->shown[picture->shown_count++] = i;
    }
}

static void lay_out(struct picture *picture, unsigned rows)
{
    const size_t labels = picture->live->label_count;
    const unsigned columns = picture->canvas.columns;
    const unsigned beside = rows >= LEVEL_ROWS ? LINES_BESIDE_BARS : LINES_BESIDE_BARS - 1;
    const unsigned most = rows > beside ? rows - beside : 0;
    picture->across = 1;
    if (most > 0 && labels > most && columns / CELL_COLUMNS_MIN > 1) {
        const unsigned needed = (unsigned)((labels + most - 1) / most);
        const unsigned fit = columns / CELL_COLUMNS_MIN;
        picture->across = needed < fit ? needed : fit;
    }
    lay_out_cell(picture, columns / picture->across);
    choose(picture, (size_t)most * picture->across);
    picture->down = (unsigned)((picture->shown_count + picture->across - 1) / picture->across);
}

size_t live_paint(const struct live *live, const struct live_look *look, uint64_t now_ns,
                  char *text, size_t size)
{
    struct picture picture = {.live = live, .look = look, .now_ns = now_ns};
    const unsigned columns = look->columns > 1 ? look->columns - 1 : 1;
    const unsigned rows = look->rows < ROWS_MAX ? look->rows : ROWS_MAX;
    picture.said = live_describe(live, now_ns);
    canvas_init(&picture.canvas, text, size, columns < 2 * COLUMNS_MAX ? columns : 2 * COLUMNS_MAX,
                look->utf8, look->palette);
    if (rows == 0)
        return 0;
    lay_out(&picture, rows);
    const unsigned lines = LINES_BESIDE_BARS + picture.down;
    const unsigned spare = rows > lines ? rows - lines : 0;
    if (spare >= 2)
        end_line(&picture);
    paint_headline(&picture);
    if (spare >= 1)
        end_line(&picture);
    paint_bars(&picture);
    if (spare >= 3)
        end_line(&picture);
    if (rows >= LEVEL_ROWS && live->label_count > 0)
        paint_level(&picture);
    if (spare >= 4)
        end_line(&picture);
    if (rows >= 2)
        paint_state(&picture);
    return picture.canvas.length;
}
