/*
 * pieces.h: a list of nonces, named by their places in it, that is given out in pieces to several who may fail: which
 * pieces are open (somebody has them, or they came back), and where the rest begins that nobody had yet. What is before
 * that and in no open piece is done.
 */
#ifndef POC_PIECES_H
#define POC_PIECES_H

#include <stddef.h>
#include <stdint.h>

#define POC_PIECES_MAX 256
#define POC_PIECE_NONCES 256 /* in one piece, at most */
#define POC_PIECES_TEXT 8192 /* bytes that hold any of them as text */

struct poc_piece {
    int64_t  first;
    uint32_t n;
    uint32_t is_out; /* 1: somebody has it; 0: it came back */
};

/* {.end = n} is a list of n of which nothing is done; .end = INT64_MAX: one without an end. */
struct poc_pieces {
    int64_t          next; /* the first that was never given out */
    int64_t          end;
    struct poc_piece open[POC_PIECES_MAX];
    size_t           n_open;
};

/* A piece to work on, of at most `most` <= POC_PIECE_NONCES nonces: of what came back, else new ones. *ret_first and
 * how many; 0: there is none. (More than `most` when what came back is in so many parts that no more can be counted.)
 */
uint32_t poc_pieces_take(struct poc_pieces *pieces, uint32_t most, int64_t *ret_first);

/* The piece that begins there is done, or came back. */
void poc_pieces_done(struct poc_pieces *pieces, int64_t first);
void poc_pieces_back(struct poc_pieces *pieces, int64_t first);

/* All that are out came back. */
void poc_pieces_all_back(struct poc_pieces *pieces);

/* How many nobody has now; INT64_MAX without an end. */
int64_t poc_pieces_rest(const struct poc_pieces *pieces);

/* "1234 1000+64 1100+2": next, and the open pieces. Returns buf. */
char *poc_pieces_print(const struct poc_pieces *pieces, char buf[POC_PIECES_TEXT]);

/* The same from text, without an end, all back. 0, or -1: it is no such text, and *ret is as before. */
int poc_pieces_parse(const char *text, struct poc_pieces *ret);

#endif
