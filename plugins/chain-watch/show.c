/* show.c: where the chain is, now. */
#include "plugins/chain-watch/watch.h"

#include "kit/json.h"

#include <stdlib.h>

int
cw_show(struct ga_run *run, const struct ga_host *host)
{
    struct cw_seen  seen;
    char            line[400];
    char            why[512];
    struct cw_look *look = cw_look_new(run, host, why, sizeof(why));
    cJSON          *report;
    char           *json;
    char           *text;

    if (!look)
        return host->end(run, GA_REFUSED, "%s", why);
    cw_look_all(look, &seen);
    cw_look_free(look);
    report = cw_report(&seen);
    json = report ? ga_json_print(report) : NULL;
    text = cw_report_text(&seen);
    cJSON_Delete(report);
    if (json)
        (void)host->result(run, json);
    if (text)
        host->text(run, text);
    free(json);
    free(text);
    if (!json || !text)
        return host->end(run, GA_FAILED, "out of memory");
    cw_line(&seen, line, sizeof(line));
    if (seen.state == CW_UNKNOWN)
        return host->end(run, GA_UNKNOWN, "%s", seen.text);
    return host->end(run, GA_OK, "%s", line);
}
