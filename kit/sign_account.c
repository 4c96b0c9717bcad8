/* sign_account.c: whose key it is that would sign. */
#include "kit/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
ga_sign_key_of(struct ga_run *run, const struct ga_host *host, const char *account, char *why, size_t len)
{
    const char       *key = host->str(run, "key");
    const char *const words[] = {"keys", "show", key, "-a", NULL};
    char             *output = NULL;
    char              problem[512];
    int               r = 0;

    if (strcmp(key, account) == 0)
        return 0;
    if (strncmp(key, "gonka1", 6) == 0) {
        (void)snprintf(why, len, "key is %.90s, account is %s", key, account);
        return 1;
    }
    if (ga_inferenced_ask(run, host, words, 1, &output, problem, sizeof(problem)) < 0) {
        (void)snprintf(why, len, "the address of key %.60s could not be asked of inferenced: %.400s", key, problem);
        return -1;
    }
    output[strcspn(output, " \t\r\n")] = '\0';
    if (strcmp(output, account) != 0) {
        (void)snprintf(why, len, "key %.60s is %.90s, account is %s", key, output, account);
        r = 1;
    }
    free(output);
    return r;
}
