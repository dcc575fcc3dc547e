/* cue_export.h - entries and exits of instruments as files that other programs
 * read: JSON, CSV (RFC 4180), Audacity's label track, a CUE sheet.
 *
 * Text goes to a callback in pieces, so that the caller decides where to; nothing
 * is allocated. Any thread.
 *
 * Audacity: https://manual.audacityteam.org/man/importing_and_exporting_labels.html
 * CUE sheets have places in 1/75 s and at most 99 tracks (CDRWIN's user guide,
 * appendix A); an entry beyond the 99th is left out, a sheet knows no exits.
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

/* Such as "text/csv; charset=utf-8". */
const char *cue_format_content_type(enum cue_format format);

typedef void cue_export_write(void *context, const char *text, size_t length);

/* Writes count cues, which are in order of on_s. now_s stands for the end of those that still sound
 * where the format must name one. title: the sound's name for a CUE sheet, such as the file's.
 *   JSON      [{"label","on_s","off_s" (null: still sounding),"time" (left out if unknown),
 *             "confidence"}, ...]
 *   CSV       a header line, then label,on_s,off_s,confidence; off_s empty: still sounding
 *   Audacity  on_s TAB off_s TAB label */
void cue_export(enum cue_format format, const struct cue *cues, size_t count, double now_s,
                const char *title, cue_export_write *write, void *context);

#endif
