/*
 * kit/units.h: durations and sizes as people write them.
 *
 * A duration is an integer with a unit, or several in falling order: 250ms, 30s, 5m, 24h, 7d, 1h30m. Units: ns us ms s
 * m h d w. A size is an integer, or a decimal number, with a unit: 512, 10KiB, 1.5GB, 250GB. Powers of ten: B kB KB MB
 * GB TB PB; of two: KiB MiB GiB TiB PiB. No blanks, no signs, nothing that could be read in two ways ("30" is no
 * duration).
 *
 * All functions are thread-safe and allocate nothing.
 */
#ifndef GA_KIT_UNITS_H
#define GA_KIT_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds in *ret_ns. 0, -EINVAL (not a duration), -ERANGE (more than 292 years). *ret_ns is written on success
 * only. */
int ga_parse_duration(const char *text, int64_t *ret_ns);

/* Bytes in *ret_bytes; a fraction of a byte is cut off. 0, -EINVAL (not a size), -ERANGE (above 2^63-1). */
int ga_parse_size(const char *text, uint64_t *ret_bytes);

/* Writes the exact value in the syntax of ga_parse_duration ("1h30m"). Returns buf; a short buffer cuts the text off.
 */
char *ga_format_duration(int64_t ns, char *buf, size_t len);

/* Writes a rounded value for people in powers of ten ("1.5 GB"). Returns buf. */
char *ga_format_size(uint64_t bytes, char *buf, size_t len);

#endif
