/*
 * kit/when.h: moments and durations as chain nodes write them and as people read them.
 *
 * A moment is int64 ns since 1970-01-01 UTC: the years 1678 to 2262. Beyond lie Go's zero time (year 1) and "for ever"
 * (9999-12-31, the jail time of a tombstoned validator); they are read as INT64_MIN and INT64_MAX with -ERANGE.
 *
 * All functions are thread-safe and allocate nothing; time zones of the host play no part.
 */
#ifndef GA_KIT_WHEN_H
#define GA_KIT_WHEN_H

#include <stddef.h>
#include <stdint.h>

#define GA_WHEN_MAX 36 /* bytes that ga_when_format() needs at most */

/*
 * RFC 3339: "2025-11-20T10:11:12.345678901Z", "2025-11-20T12:11:12+02:00"; up to 9 digits of fraction, a lower-case t
 * and z too. Returns 0, -EINVAL (none; *ret_ns as it was) or -ERANGE (one, but out of range: *ret_ns is INT64_MIN or
 * INT64_MAX).
 */
int ga_when_parse(const char *text, int64_t *ret_ns);

/* "2025-11-20T10:11:12.3456Z": UTC, no zeros at the end of the fraction, as nodes print it. Returns buf; a short buffer
 * cuts the text off. */
char *ga_when_format(int64_t ns, char *buf, size_t len);

/* "2025-11-20 10:11 UTC (in 3 h 12 min)", for people; "never" for INT64_MAX, "not set" for INT64_MIN. Returns buf. */
char *ga_when_show(int64_t ns, int64_t now_ns, char *buf, size_t len);

/* "in 3 h 12 min", "5 min ago", or "now" (less than a second off). Returns buf. */
char *ga_when_relative(int64_t ns, int64_t now_ns, char *buf, size_t len);

/* A length of time in its one or two largest units, the rest cut off: "42 s", "5 min", "3 h 12 min", "2 d 3 h". Of a
 * negative one the sign is not shown. Returns buf. */
char *ga_when_span(int64_t ns, char *buf, size_t len);

/* A protobuf duration in JSON: "86400s", "1.5s", "-0.25s". 0, -EINVAL or -ERANGE as above. */
int ga_when_duration_parse(const char *text, int64_t *ret_ns);

/* The same, written: no fraction, or 3, 6 or 9 digits of it, as protobuf has it. Returns buf. */
char *ga_when_duration_format(int64_t ns, char *buf, size_t len);

#endif
