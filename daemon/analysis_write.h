/* analysis_write.h - a finished analysis as text: for people, JSON, CSV, Audacity.
 *
 * Text      what plays, most certain first, and when; wrapped to 80 columns
 * JSON      one object on one line, so that several files make JSON Lines:
 *           {"file","duration_s","model","labels":[...],"window_s","hop_s",
 *            "frames":[{"t","p":[...]}],"instruments":[{"label","mean","max","present"}],
 *            "cues":[{"label","on_s","off_s","confidence"}]}
 * CSV       file,t,LABEL,... : one line per frame (RFC 4180, but LF alone)
 * Audacity  on_s TAB off_s TAB label : a label track
 *
 * Whether writing succeeded is told by ferror(). Threads: any, each with its own stream.
 */
#ifndef TUTTI_DAEMON_ANALYSIS_WRITE_H
#define TUTTI_DAEMON_ANALYSIS_WRITE_H

#include "daemon/analysis.h"

#include <stdbool.h>
#include <stdio.h>

enum analysis_format { ANALYSIS_TEXT, ANALYSIS_JSON, ANALYSIS_CSV, ANALYSIS_AUDACITY };

/* "text", "json", "csv", "audacity"; false for any other name. */
bool analysis_format_parse(const char *name, enum analysis_format *format);

/* What comes once before all analyses: the heading of CSV, of the labels of this one. Nothing for
 * other formats. */
void analysis_write_heading(FILE *stream, const struct analysis *analysis,
                            enum analysis_format format);

void analysis_write(FILE *stream, const struct analysis *analysis, enum analysis_format format);

#endif
