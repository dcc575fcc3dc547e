/* analysis_write.h - an analysis as text: for people, JSON, CSV, Audacity, a CUE sheet.
 *
 * Frames are written into a spool as they come. What is written of a file goes out once
 * its analysis is finished: before, JSON cannot say how long it is, and nobody can know
 * whether the file is whole.
 *
 * Text      what plays, most certain first, and when; wrapped to 80 columns
 * JSON      one object on one line, so that several files make JSON Lines:
 *           {"file","duration_s","model","labels":[...],"window_s","hop_s",
 *            "frames":[{"t","p":[...]}],"instruments":[{"label","mean","max","present"}],
 *            "cues":[{"label","on_s","off_s","confidence"}]}
 * CSV       file,t,LABEL,... : one line per frame (RFC 4180, but LF alone)
 * Cues      label,on_s,off_s,confidence,time : one line per entry
 * Audacity  on_s TAB off_s TAB label : a label track
 * Sheet     a CUE sheet, which names the file without its folders: it belongs beside it
 *
 * The last three are those of the daemon (cue_export.h); there the second one is called csv.
 *
 * Whether writing succeeded is told by ferror(). Threads: any, each with its own stream.
 */
#ifndef TUTTI_DAEMON_ANALYSIS_WRITE_H
#define TUTTI_DAEMON_ANALYSIS_WRITE_H

#include "common/status.h"
#include "daemon/analysis.h"
#include "daemon/spool.h"

#include <stdbool.h>
#include <stdio.h>

enum analysis_format {
    ANALYSIS_TEXT,
    ANALYSIS_JSON,
    ANALYSIS_CSV,
    ANALYSIS_CUES,
    ANALYSIS_AUDACITY,
    ANALYSIS_SHEET,
};

/* "text", "json", "csv", "cues-csv", "audacity", "cue"; false for any other name. */
bool analysis_format_parse(const char *name, enum analysis_format *format);

/* Whether what is written in a format tells which sound it is about, or can do without: only then
 * several go into one output. */
bool analysis_format_takes_several(enum analysis_format format);

/* How many of the cues, the first ones, a format has no room for. */
size_t analysis_left_out(const struct analysis *analysis, enum analysis_format format);

/* What comes once before all analyses: the heading of CSV, of the labels of this one. Nothing for
 * other formats. */
void analysis_write_heading(FILE *stream, const struct analysis *analysis,
                            enum analysis_format format);

/* Appends a frame (analysis_frame_callback) to what analysis_write() will need of it; nothing for
 * other formats than JSON and CSV. On failure *error (may be NULL) is filled, and the spool is of
 * no more use. */
enum tutti_status analysis_write_frame(struct spool *spool, const struct analysis *analysis,
                                       enum analysis_format format, double t_s,
                                       const float *probability, struct tutti_error *error);

/* Writes a finished analysis, with all frames that were put into the spool. Fails, with *error
 * filled (may be NULL), where the spool cannot be read back: then part of it may be written. */
enum tutti_status analysis_write(FILE *stream, const struct analysis *analysis,
                                 enum analysis_format format, struct spool *spool,
                                 struct tutti_error *error);

#endif
