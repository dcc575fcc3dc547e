/* cue_export.h - entries and exits of instruments as files that other programs
 * read: JSON, CSV (RFC 4180, but lines end with LF alone), Audacity's label
 * track, a CUE sheet.
 *
 * Text goes to a callback in pieces, so that the caller decides where to; nothing
 * is allocated. Any thread.
 *
 * Audacity: https://manual.audacityteam.org/man/importing_and_exporting_labels.html
 * CUE sheets have places in 1/75 s up to 99:59:74 and at most 99 tracks (CDRWIN's
 * user guide, appendix A), and know no exits. A sheet has the newest 99 entries.
 * If the last one is later than 99:59:74, it has those of the 100 minutes up to it,
 * and places count from the first of them, whose time since the start of the sound
 * is told in a comment, "REM START seconds". Others tell what is missing before it,
 * "REM EARLIER ENTRIES LEFT OUT n", and where the times of day are known the one of
 * place 00:00:00, "REM BEGINS 2026-11-21T08:00:00.500Z".
 */
#ifndef TUTTI_DAEMON_CUE_EXPORT_H
#define TUTTI_DAEMON_CUE_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

enum cue_format { CUE_JSON, CUE_CSV, CUE_AUDACITY, CUE_SHEET };

struct cue {
    const char *label;
    double on_s;      /* since the start of the sound */
    double off_s;     /* < 0: still sounding */
    double time;      /* time of day of the entry, s since 1970 UTC; 0: unknown */
    float confidence; /* 0 ... 1 */
};

/* "json", "csv", "audacity", "cue" (any case counts as unknown); false if name is another. */
bool cue_format_parse(const char *name, enum cue_format *format);

/* The index of the first of count cues, in order of on_s, that a CUE sheet has a track and a place
 * for; those before it are left out. */
size_t cue_sheet_first(const struct cue *cues, size_t count);

/* Such as "text/csv; charset=utf-8". */
const char *cue_format_content_type(enum cue_format format);

/* length may be 0. */
typedef void cue_export_write(void *context, const char *text, size_t length);

/* Writes a text as a field of CSV: in quotes, which are doubled within, if there is a comma, a
 * quote or an end of line in it. */
void cue_export_csv_field(const char *text, cue_export_write *write, void *context);

/* Writes count cues, which are in order of on_s. now_s stands for the end of those that still sound
 * where the format must name one. title: the sound's name for a CUE sheet, such as the file's.
 *   JSON      [{"label","on_s","off_s" (null: still sounding),"time" (left out if unknown),
 *             "confidence"}, ...]
 *   CSV       a header line, then label,on_s,off_s,confidence,time; off_s empty: still sounding;
 *             time in ISO 8601, empty: unknown
 *   Audacity  on_s TAB off_s TAB label
 * Audacity and CUE sheets, which people read, have spaces in labels for underscores. */
void cue_export(enum cue_format format, const struct cue *cues, size_t count, double now_s,
                const char *title, cue_export_write *write, void *context);

#endif
