/* pieces.c: which nonces of a list are open. */
#include "plugins/poc-worker/pieces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct poc_piece *
find(struct poc_pieces *pieces, int64_t first)
{
    for (size_t i = 0; i < pieces->n_open; i++)
        if (pieces->open[i].first == first)
            return &pieces->open[i];
    return NULL;
}

/* Gives out a piece that came back; what is more than `most` of it stays. */
static uint32_t
give_again(struct poc_pieces *pieces, struct poc_piece *piece, uint32_t most)
{
    if (piece->n > most && pieces->n_open < POC_PIECES_MAX) {
        pieces->open[pieces->n_open++] = (struct poc_piece){.first = piece->first + most, .n = piece->n - most};
        piece->n = most;
    }
    piece->is_out = 1;
    return piece->n;
}

uint32_t
poc_pieces_take(struct poc_pieces *pieces, uint32_t most, int64_t *ret_first)
{
    int64_t left = pieces->end - pieces->next;

    for (size_t i = 0; i < pieces->n_open; i++)
        if (!pieces->open[i].is_out) {
            *ret_first = pieces->open[i].first;
            return give_again(pieces, &pieces->open[i], most);
        }
    if (left <= 0 || pieces->n_open == POC_PIECES_MAX)
        return 0;
    if (left < most)
        most = (uint32_t)left;
    pieces->open[pieces->n_open++] = (struct poc_piece){.first = pieces->next, .n = most, .is_out = 1};
    *ret_first = pieces->next;
    pieces->next += most;
    return most;
}

void
poc_pieces_done(struct poc_pieces *pieces, int64_t first)
{
    struct poc_piece *piece = find(pieces, first);

    if (piece)
        *piece = pieces->open[--pieces->n_open];
}

void
poc_pieces_back(struct poc_pieces *pieces, int64_t first)
{
    struct poc_piece *piece = find(pieces, first);

    if (piece)
        piece->is_out = 0;
}

void
poc_pieces_all_back(struct poc_pieces *pieces)
{
    for (size_t i = 0; i < pieces->n_open; i++)
        pieces->open[i].is_out = 0;
}

int64_t
poc_pieces_rest(const struct poc_pieces *pieces)
{
    int64_t rest = pieces->end - pieces->next;

    for (size_t i = 0; i < pieces->n_open && pieces->end != INT64_MAX; i++)
        rest += pieces->open[i].is_out ? 0 : pieces->open[i].n;
    return pieces->end == INT64_MAX ? INT64_MAX : rest;
}

/* --- as text -------------------------------------------------------------------------------------------------------
 */

char *
poc_pieces_print(const struct poc_pieces *pieces, char buf[POC_PIECES_TEXT])
{
    size_t used = (size_t)snprintf(buf, POC_PIECES_TEXT, "%" PRId64, pieces->next);

    for (size_t i = 0; i < pieces->n_open; i++)
        used += (size_t)snprintf(buf + used, POC_PIECES_TEXT - used, " %" PRId64 "+%" PRIu32, pieces->open[i].first,
                                 pieces->open[i].n);
    return buf;
}

/* A number from 0 on, behind which *text stands then. */
static int
read_number(const char **text, int64_t *ret)
{
    char *end = NULL;

    if (**text < '0' || **text > '9')
        return -1;
    errno = 0;
    *ret = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0 ? 0 : -1;
}

int
poc_pieces_parse(const char *text, struct poc_pieces *ret)
{
    struct poc_pieces pieces = {.end = INT64_MAX};

    if (read_number(&text, &pieces.next) < 0)
        return -1;
    while (*text) {
        struct poc_piece *piece = &pieces.open[pieces.n_open];
        int64_t           n;

        if (pieces.n_open == POC_PIECES_MAX || *text++ != ' ' || read_number(&text, &piece->first) < 0 ||
            *text++ != '+' || read_number(&text, &n) < 0 || n < 1 || n > POC_PIECE_NONCES ||
            piece->first >= pieces.next || n > pieces.next - piece->first)
            return -1;
        piece->n = (uint32_t)n;
        pieces.n_open++;
    }
    *ret = pieces;
    return 0;
}
