#include "daemon/hearing.h"

#include "daemon/recognition.h"

#include <stdlib.h>
#include <string.h>

#define HOPS 2 /* the one that was asked for, and that of sounds shorter than a window */

struct hearing {
    const struct model *model;
    hearing_open_inference *open;
    void *context;
    double hop_s[HOPS];
    struct recognition *recognition[HOPS]; /* NULL: none yet */
    size_t oldest;                         /* to be replaced by a further one */
    struct column column;
};

/* ---- pieces ---- */

static void free_columns(struct hearing_piece *piece)
{
    free(piece->band);
    free(piece->level_dbfs);
    free(piece->end_frame);
    piece->band = NULL;
    piece->level_dbfs = NULL;
    piece->end_frame = NULL;
}

struct hearing_piece *hearing_piece_new(size_t columns_max, size_t bands)
{
    struct hearing_piece *piece = calloc(1, sizeof *piece);
    if (piece == NULL)
        return NULL;
    piece->bands = bands;
    piece->columns_max = columns_max;
    if (columns_max <= SIZE_MAX / sizeof *piece->band / bands)
        piece->band = malloc(columns_max * bands * sizeof *piece->band);
    piece->level_dbfs = calloc(columns_max, sizeof *piece->level_dbfs);
    piece->end_frame = calloc(columns_max, sizeof *piece->end_frame);
    if (piece->band != NULL && piece->level_dbfs != NULL && piece->end_frame != NULL)
        return piece;
    hearing_piece_free(piece);
    return NULL;
}

void hearing_piece_free(struct hearing_piece *piece)
{
    if (piece == NULL)
        return;
    free_columns(piece);
    free(piece->result);
    free(piece);
}

void hearing_piece_add(struct hearing_piece *piece, const struct column *column)
{
    const size_t at = piece->columns++;
    memcpy(piece->band + at * piece->bands, column->bands, piece->bands * sizeof *piece->band);
    piece->level_dbfs[at] = column->level_dbfs;
    piece->end_frame[at] = column->end_frame;
}

void hearing_piece_continue(struct hearing_piece *piece, const struct hearing_piece *previous,
                            size_t count)
{
    count = count < previous->columns ? count : previous->columns;
    const size_t from = previous->columns - count;
    memcpy(piece->band, previous->band + from * piece->bands,
           count * piece->bands * sizeof *piece->band);
    memcpy(piece->level_dbfs, previous->level_dbfs + from, count * sizeof *piece->level_dbfs);
    memcpy(piece->end_frame, previous->end_frame + from, count * sizeof *piece->end_frame);
    piece->first_column = previous->first_column + from;
    piece->before = count;
    piece->columns = count;
}

/* ---- hearing ---- */

struct hearing *hearing_new(const struct model *model, hearing_open_inference *open, void *context)
{
    struct hearing *hearing = calloc(1, sizeof *hearing);
    if (hearing == NULL)
        return NULL;
    hearing->model = model;
    hearing->open = open;
    hearing->context = context;
    return hearing;
}

void hearing_free(struct hearing *hearing)
{
    if (hearing == NULL)
        return;
    for (size_t i = 0; i < HOPS; i++)
        recognition_free(hearing->recognition[i]);
    free(hearing);
}

/* NULL with *error filled. */
static struct recognition *find_recognition(struct hearing *hearing, double hop_s,
                                            struct tutti_error *error)
{
    for (size_t i = 0; i < HOPS; i++) {
        if (hearing->recognition[i] != NULL && hearing->hop_s[i] == hop_s)
            return hearing->recognition[i];
    }
    struct inference inference;
    if (hearing->open(hearing->context, &inference, error) != TUTTI_OK)
        return NULL;
    const size_t place = hearing->oldest;
    hearing->oldest = (place + 1) % HOPS;
    recognition_free(hearing->recognition[place]);
    hearing->hop_s[place] = hop_s;
    hearing->recognition[place] = recognition_new(hearing->model, hop_s, &inference, error);
    return hearing->recognition[place];
}

static bool make_results(struct hearing_piece *piece, const struct recognition *recognition)
{
    const size_t hops_max =
        (piece->columns - piece->before) / recognition_hop_columns(recognition) + 1;
    piece->result = calloc(hops_max, sizeof *piece->result);
    if (piece->result != NULL)
        return true;
    tutti_error_set(&piece->error, TUTTI_ERROR_MEMORY, "out of memory for what was heard");
    return false;
}

static void take_column(struct hearing *hearing, struct recognition *recognition,
                        struct hearing_piece *piece, size_t number)
{
    struct column *column = &hearing->column;
    column->index = piece->first_column + number;
    column->end_frame = piece->end_frame[number];
    column->level_dbfs = piece->level_dbfs[number];
    memcpy(column->bands, piece->band + number * piece->bands, piece->bands * sizeof *piece->band);
    if (number < piece->before) {
        recognition_skip(recognition, column);
        return;
    }
    struct result *result = &piece->result[piece->hops];
    if (!recognition_take(recognition, column, result))
        return;
    /* The recognition may have skipped column 0 before this piece, whose hops are not the first. */
    result->afresh = piece->first_column == 0 && piece->before == 0 && piece->hops == 0;
    result->level_dbfs = 0;
    piece->hops++;
}

void hearing_hear(struct hearing *hearing, struct hearing_piece *piece)
{
    piece->error = (struct tutti_error){.status = TUTTI_OK};
    struct recognition *recognition = find_recognition(hearing, piece->hop_s, &piece->error);
    if (recognition != NULL && make_results(piece, recognition)) {
        for (size_t number = 0; number < piece->columns; number++)
            take_column(hearing, recognition, piece, number);
    }
    free_columns(piece);
}
