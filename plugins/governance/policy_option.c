/* policy_option.c: the policy that the manifest names. */
#include "plugins/governance/tasks.h"

#include "kit/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_MAX ((size_t)1 << 20)

int
gov_policy_of(struct ga_run *run, const struct ga_host *host, struct gov_policy *ret, char *why, size_t len)
{
    const char *text = host->str(run, "policy");
    const char *path = host->str(run, "policy_file");
    char       *read = NULL;
    size_t      size = text ? strlen(text) : 0;
    char        problem[300] = "";
    int         r;

    memset(ret, 0, sizeof(*ret));
    if (text && path) {
        (void)snprintf(why, len, "both policy and policy_file are given: take one");
        return -1;
    }
    if (path && ga_file_read(path, POLICY_MAX, &read, &size, problem, sizeof(problem)) < 0) {
        (void)snprintf(why, len, "policy_file: %s", problem);
        return -1;
    }
    if (!text && !path)
        return 0;
    r = gov_policy_read(path ? read : text, size, ret, problem, sizeof(problem));
    free(read);
    if (r == 0)
        return 0;
    memset(ret, 0, sizeof(*ret));
    (void)snprintf(why, len, "%s: %s", path ? path : "policy", r == -ENOMEM ? "there is not enough memory" : problem);
    return -1;
}
