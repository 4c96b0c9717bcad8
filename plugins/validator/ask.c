/* ask.c: enough nodes must say the same. */
#include "plugins/validator/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The answers so far. */
struct answers {
    union val_fact facts[GA_CHAIN_SOURCES_MAX];
    const char    *names[GA_CHAIN_SOURCES_MAX];
    size_t         n;
    int            n_missing;
    char           failed[VAL_WHY];  /* of one that could not be asked */
    char           missing[VAL_WHY]; /* of one that does not have it */
};

static int
need(const struct val_chain *chain)
{
    return chain->setup.rules.agree > 0 ? chain->setup.rules.agree : 1;
}

/* So many said the same as the newest answer, itself among them. */
static int
agreeing(const struct val_question *question, const struct answers *answers)
{
    int n = 0;

    for (size_t i = 0; i < answers->n; i++)
        n += question->same(&answers->facts[i], &answers->facts[answers->n - 1]);
    return n;
}

/* Asks one source. 1: now enough agree. */
static int
ask_one(const struct val_chain *chain, const struct val_question *question, size_t i, struct answers *answers)
{
    const struct ga_chain_source *source = &chain->setup.sources[i];
    struct ga_chain_error         error;
    cJSON                        *answer = NULL;
    char                          why[VAL_WHY] = "";
    enum ga_chain_why             r = ga_chain_rest(source, question->path, &answer, &error);
    int                           enough = 0;

    if (r == GA_CHAIN_NOT_FOUND) {
        enough = ++answers->n_missing >= need(chain);
        (void)snprintf(answers->missing, sizeof(answers->missing), "%.500s", error.text);
    } else if (r != GA_CHAIN_OK) {
        (void)snprintf(answers->failed, sizeof(answers->failed), "%.500s", error.text);
    } else if (question->read(answer, question->about, &answers->facts[answers->n], why) < 0) {
        (void)snprintf(answers->failed, sizeof(answers->failed), "%s: %.400s", source->name, why);
    } else {
        answers->names[answers->n++] = source->name;
        enough = agreeing(question, answers) >= need(chain);
    }
    cJSON_Delete(answer);
    return enough;
}

static enum val_known
too_few(const struct val_chain *chain, const struct val_question *question, const struct answers *answers, char *why)
{
    int kinds = answers->n_missing > 0;

    for (size_t i = 0; i < answers->n; i++)
        kinds += i == 0 || !question->same(&answers->facts[i], &answers->facts[0]);
    if (kinds > 1)
        (void)snprintf(why, VAL_WHY, "nodes say different things about %s (%s another than %s): name one more source",
                       question->what, answers->names[answers->n - 1],
                       answers->n > 1 ? answers->names[0] : "one that has none");
    else if (*answers->failed)
        (void)snprintf(why, VAL_WHY, "%s: %d node%s must say the same: %.450s", question->what, need(chain),
                       need(chain) == 1 ? "" : "s", answers->failed);
    else
        (void)snprintf(why, VAL_WHY, "%s: only %zu healthy node%s asked, %d must say the same", question->what,
                       answers->n + (size_t)answers->n_missing, answers->n + (size_t)answers->n_missing == 1 ? "" : "s",
                       need(chain));
    return VAL_UNKNOWN;
}

enum val_known
val_ask(const struct val_chain *chain, const struct val_question *question, union val_fact *ret, char *why)
{
    struct answers *answers;
    enum val_known  known = VAL_UNKNOWN;
    int             enough = 0;

    why[0] = '\0';
    if (chain->quorum.known != GA_CHAIN_KNOWN) {
        (void)snprintf(why, VAL_WHY, "%s cannot be asked for: %.500s", question->what, chain->quorum.text);
        return VAL_UNKNOWN;
    }
    answers = calloc(1, sizeof(*answers));
    if (!answers) {
        (void)snprintf(why, VAL_WHY, "there is not enough memory");
        return VAL_UNKNOWN;
    }
    for (size_t i = 0; i < chain->quorum.n && !enough; i++)
        if (chain->quorum.looks[i].verdict.why == GA_CHAIN_OK)
            enough = ask_one(chain, question, i, answers);
    if (!enough) {
        known = too_few(chain, question, answers, why);
    } else if (answers->n_missing >= need(chain)) {
        known = VAL_ABSENT;
        (void)snprintf(why, VAL_WHY, "%s", answers->missing);
    } else {
        known = VAL_KNOWN;
        *ret = answers->facts[answers->n - 1];
    }
    free(answers);
    return known;
}
