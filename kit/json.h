/*
 * kit/json.h: JSON on top of cJSON without its losses.
 *
 * cJSON keeps numbers as doubles: integers beyond 2^53 lose digits, and from 1e15 on they are printed with an exponent.
 * Of fractions it prints 15 digits where that is near enough to the value, which is not the same. So ga_json_parse()
 * makes of
 * - an integer of more than 15 digits: a cJSON_Raw node whose valuestring is the digits of the source. cJSON_IsNumber()
 *   is false for it, every printer prints it as it was.
 * - a fraction that cJSON would print as another value (and -0): a cJSON_Number node whose valuestring is the source's
 *   text. It counts as long as it is the value (cJSON_SetNumberValue() ends that); only ga_json_print() prints it.
 * - any other number: a cJSON_Number node.
 * With that a document can be parsed, changed in one place and printed by ga_json_print() with every other value as it
 * was, members that nobody has heard of and members of the same name included (getters take the first of those).
 * Getters here read all these nodes, numbers and numeric strings alike (both are met in the answers of nodes).
 *
 * No state, no locks: functions may be called from any thread on documents that the thread owns.
 */
#ifndef GA_KIT_JSON_H
#define GA_KIT_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GA_JSON_DEPTH_MAX 64

/*
 * Parses one document, strictly: nothing after it but white space, UTF-8 and escapes checked (no overlong forms, no
 * lone surrogates), no NUL, numbers in JSON's grammar and, but for integers, within a double's range, nested at most
 * GA_JSON_DEPTH_MAX deep. `text` need not end with a NUL. Returns the document (free it with cJSON_Delete) or NULL with
 * a sentence in reterr that names the byte, counted from 0, and what is wrong ("byte 17: ..."); errno is EBADMSG then,
 * or ENOMEM.
 */
cJSON *ga_json_parse(const char *text, size_t len, char *reterr, size_t reterr_len);

/*
 * Integer members: a number without fraction, or a string of decimal digits. 0 found, -ENOENT no such member or null,
 * -EINVAL no integer, -ERANGE does not fit. *ret is changed only with 0.
 */
int ga_json_i64(const cJSON *object, const char *key, int64_t *ret);
int ga_json_u64(const cJSON *object, const char *key, uint64_t *ret);

/* The same of a value itself, an array's element for example. */
int ga_json_value_i64(const cJSON *value, int64_t *ret);
int ga_json_value_u64(const cJSON *value, uint64_t *ret);

/* A number with fraction, or a string that is one. Errors as above. */
int ga_json_double(const cJSON *object, const char *key, double *ret);

/* The text of a string member, borrowed; NULL when there is none or it is no string. */
const char *ga_json_str(const cJSON *object, const char *key);

/* 1, 0, or fallback when the member is missing or neither true nor false. */
int ga_json_bool(const cJSON *object, const char *key, int fallback);

/* The member, case-sensitive; NULL when missing. Borrowed. */
const cJSON *ga_json_get(const cJSON *object, const char *key);

/* A member of members: "config.max_age"; a number selects an array's element: "streams.0.config". NULL when missing. */
const cJSON *ga_json_path(const cJSON *object, const char *path);

/* Compact text, every number as it was; the caller frees it. NULL without memory. */
char *ga_json_print(const cJSON *json);

/* Nodes that print all digits. NULL without memory. */
cJSON *ga_json_new_i64(int64_t value);
cJSON *ga_json_new_u64(uint64_t value);

/* Adds the member, or replaces it in its place. 0 or -ENOMEM. */
int ga_json_add_i64(cJSON *object, const char *key, int64_t value);
int ga_json_add_u64(cJSON *object, const char *key, uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
