/*
 * zip_view - how many files programs find in a zip, and whether libclamav looks for them
 * in the same place.  Pure.
 *
 * Programs go by the directory at the end, found from behind; where the archive stands
 * behind something else, is a piece of several, or is cut, they still find files where
 * libclamav finds none or others.
 */
#ifndef MILTERS_MIME_ZIP_VIEW_H
#define MILTERS_MIME_ZIP_VIEW_H

#include "shared/base/span.h"

struct zip_view {
    unsigned members; /* that have something in them and are not encrypted */
    bool odd;         /* a piece, cut, behind something else, of methods that it lacks */
};

bool zip_is(struct span file);

/* The rest of a zip whose beginning is missing; its directory still names all. */
bool zip_is_rest(struct span file);

void zip_look(struct span file, struct zip_view *view);

/* The same of a file that begins as something else and ends as a zip, which programs open
 * (a picture, a program that unpacks itself): `odd` for its methods alone; no members:
 * it is none. */
void zip_look_behind(struct span file, struct zip_view *view);

#endif
