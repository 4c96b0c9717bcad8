/* fakehost.c: making a fakehost, giving it values, running a task, looking at what came of it. */
#include "tests/fakehost/fakehost_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* --- breaches and mistakes -----------------------------------------------------------------------------------------
 */

static void breach(struct fakehost *fh, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void
breach(struct fakehost *fh, const char *format, va_list args)
{
    char text[FH_FAULT_MAX];

    (void)vsnprintf(text, sizeof(text), format, args);
    (void)pthread_mutex_lock(&fh->lock);
    if (!fh->breach) {
        const char *kept = fh_keep(fh, text);

        fh->breach = *kept ? kept : "no memory";
    }
    (void)pthread_mutex_unlock(&fh->lock);
    fh_note(fh, GA_LOG_ERR, text);
}

void
fh_breach(struct fakehost *fh, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    breach(fh, format, args);
    va_end(args);
}

void
fh_leave(struct fakehost *fh, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    breach(fh, format, args);
    va_end(args);
    if (fh->running && pthread_equal(fh->thread, pthread_self()))
        longjmp(fh->leave, 1);
}

int
fh_mistake(struct fakehost *fh, const char *format, ...)
{
    char    text[FH_FAULT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)pthread_mutex_lock(&fh->lock);
    if (!fh->mistake)
        fh->mistake = strdup(text);
    (void)pthread_mutex_unlock(&fh->lock);
    return -1;
}

int
fh_own_thread(struct fakehost *fh, const char *what)
{
    if (!fh->running) {
        fh_breach(fh, "%s() was called after the run had ended", what);
        return 0;
    }
    if (pthread_equal(fh->thread, pthread_self()))
        return 1;
    fh_breach(fh, "task '%s' called %s() from a thread of its own", fh->task->name, what);
    return 0;
}

/* --- memory of the run ---------------------------------------------------------------------------------------------
 */

void *
fh_piece(struct fakehost *fh, size_t len)
{
    struct fh_piece *piece = calloc(1, sizeof(*piece) + len);

    if (!piece) {
        (void)pthread_mutex_lock(&fh->lock);
        fh->breach = fh->breach ? fh->breach : "no memory";
        (void)pthread_mutex_unlock(&fh->lock);
        return NULL;
    }
    (void)pthread_mutex_lock(&fh->lock);
    piece->next = fh->pieces;
    fh->pieces = piece;
    (void)pthread_mutex_unlock(&fh->lock);
    return piece->data;
}

const char *
fh_keep(struct fakehost *fh, const char *text)
{
    size_t len = strlen(text);
    char  *copy = fh_piece(fh, len + 1);

    if (!copy)
        return "";
    memcpy(copy, text, len);
    return copy;
}

int
fh_push(struct fakehost *fh, struct fh_list *list, void *item)
{
    void **items = NULL;

    (void)pthread_mutex_lock(&fh->lock);
    if (item)
        items = reallocarray(list->items, list->n + 1, sizeof(*items));
    if (items) {
        list->items = items;
        items[list->n++] = item;
    } else {
        fh->breach = fh->breach ? fh->breach : "no memory";
    }
    (void)pthread_mutex_unlock(&fh->lock);
    return items ? 0 : -1;
}

static void
list_done(struct fh_list *list)
{
    free(list->items);
    *list = (struct fh_list){.n = 0};
}

/* Forgets the last run. */
static void
forget(struct fakehost *fh)
{
    list_done(&fh->acts);
    list_done(&fh->emitted);
    list_done(&fh->lines);
    list_done(&fh->metrics);
    while (fh->pieces) {
        struct fh_piece *piece = fh->pieces;

        fh->pieces = piece->next;
        free(piece);
    }
    fh_event_free(fh->delivered);
    fh->delivered = NULL;
    fh->breach = fh->summary = fh->result = fh->text = fh->progress = NULL;
    fh->done = fh->total = 0;
    fh->n_ready = fh->n_beats = 0;
    fh->event_fetched = 0;
}

/* --- values --------------------------------------------------------------------------------------------------------
 */

static void
slot_clear(struct fh_slot *slot)
{
    fh_value_free(slot->value);
    free(slot->fault);
    slot->value = NULL;
    slot->fault = NULL;
}

/* 0, or -1 with the slot's fault set. `of`: whose it is, for the sentence. */
static int
slot_set(struct fakehost *fh, struct fh_slot *slot, const char *text, const char *of)
{
    char why[FH_FAULT_MAX] = "";
    char sentence[FH_FAULT_MAX];

    slot_clear(slot);
    if (!text || fh_value_parse(slot->option, text, &slot->value, why, sizeof(why)) == 0)
        return 0;
    (void)snprintf(sentence, sizeof(sentence), "%s %.350s", of, why);
    slot->fault = strdup(sentence);
    return slot->fault ? -1 : fh_mistake(fh, "%s", sentence);
}

/* A table's slots with the defaults in them. */
static int
table_init(struct fakehost *fh, struct fh_table *table, const struct ga_option *options, uint32_t n)
{
    table->slots = calloc(n ? n : 1, sizeof(*table->slots));
    if (!table->slots)
        return -1;
    table->n = n;
    for (uint32_t i = 0; i < n; i++) {
        struct fh_slot *slot = &table->slots[i];

        slot->option = fh_option_at(fh->plugin, options, i);
        if (slot_set(fh, slot, slot->option->dflt, "the default of") < 0)
            (void)fh_mistake(fh, "plugin '%s': %s", fh->plugin->name, slot->fault ? slot->fault : "no memory");
    }
    return 0;
}

static void
table_done(struct fh_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        slot_clear(&table->slots[i]);
    free(table->slots);
}

static const struct ga_task *
find_task(struct fakehost *fh, const char *name, const struct fh_table **ret_args)
{
    for (uint32_t i = 0; name && i < fh->n_args; i++)
        if (strcmp(fh_task_at(fh->plugin, i)->name, name) == 0) {
            *ret_args = &fh->args[i];
            return fh_task_at(fh->plugin, i);
        }
    return NULL;
}

int
fakehost_set(struct fakehost *fh, const char *key, const char *text)
{
    struct fh_slot *slot = fh_slot(&fh->options, key);

    if (!slot)
        return fh_mistake(fh, "the test set the option '%.80s', which '%.64s' has not", key ? key : "",
                          fh->options.slots ? fh->plugin->name : "a broken plugin");
    return slot_set(fh, slot, text ? text : slot->option->dflt, "option");
}

int
fakehost_arg(struct fakehost *fh, const char *task, const char *key, const char *text)
{
    const struct fh_table *args = NULL;
    struct fh_slot        *slot;

    if (!find_task(fh, task, &args))
        return fh_mistake(fh, "the test set an argument of the task '%.64s', which there is not", task ? task : "");
    slot = fh_slot(args, key);
    if (!slot)
        return fh_mistake(fh, "the test set the argument '%.80s', which task '%s' has not", key ? key : "", task);
    return slot_set(fh, slot, text ? text : slot->option->dflt, "argument");
}

/* The first fault in a table, or NULL. */
static const char *
table_fault(const struct fh_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->slots[i].fault)
            return table->slots[i].fault;
    return NULL;
}

/* What must be put right before anything can run, or NULL. */
static const char *
standing_fault(struct fakehost *fh)
{
    const char *fault = fh->mistake ? fh->mistake : table_fault(&fh->options);

    for (uint32_t i = 0; !fault && i < fh->n_args; i++)
        fault = table_fault(&fh->args[i]);
    return fault;
}

/* The key of a value that must be given and was not, or NULL. */
static const char *
missing(const struct fh_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        if ((table->slots[i].option->flags & GA_REQUIRED) && !table->slots[i].value)
            return table->slots[i].option->key;
    return NULL;
}

/* --- making one ----------------------------------------------------------------------------------------------------
 */

static int
init_locks(struct fakehost *fh)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t  cond;
    int                 good;

    (void)pthread_mutexattr_init(&mutex);
    (void)pthread_condattr_init(&cond);
    good = pthread_mutexattr_settype(&mutex, PTHREAD_MUTEX_RECURSIVE) == 0 &&
           pthread_condattr_setclock(&cond, CLOCK_MONOTONIC) == 0 && pthread_mutex_init(&fh->lock, &mutex) == 0 &&
           pthread_cond_init(&fh->changed, &cond) == 0;
    (void)pthread_mutexattr_destroy(&mutex);
    (void)pthread_condattr_destroy(&cond);
    return good ? 0 : -1;
}

static int
init_tables(struct fakehost *fh)
{
    const struct ga_plugin *plugin = fh->plugin;

    fh->args = calloc(plugin->n_tasks, sizeof(*fh->args));
    if (!fh->args || table_init(fh, &fh->options, plugin->options, plugin->n_options) < 0)
        return -1;
    fh->n_args = plugin->n_tasks;
    for (uint32_t i = 0; i < plugin->n_tasks; i++)
        if (table_init(fh, &fh->args[i], fh_task_at(plugin, i)->args, fh_task_at(plugin, i)->n_args) < 0)
            return -1;
    return 0;
}

struct fakehost *
fakehost_new(const struct ga_plugin *plugin)
{
    struct fakehost *fh = calloc(1, sizeof(*fh));
    char             why[FH_FAULT_MAX];

    if (!fh || init_locks(fh) < 0) {
        free(fh);
        return NULL;
    }
    fh->plugin = plugin;
    fh->run.fh = fh;
    fh->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fh_check_plugin(plugin, why, sizeof(why)) < 0)
        (void)fh_mistake(fh, "the plugin's descriptor: it %s", why);
    else if (init_tables(fh) < 0)
        (void)fh_mistake(fh, "no memory");
    if (fh->cancel_fd >= 0)
        return fh;
    fakehost_free(fh);
    return NULL;
}

void
fakehost_free(struct fakehost *fh)
{
    if (!fh)
        return;
    forget(fh);
    while (fh->queue) {
        struct fh_event *event = fh->queue;

        fh->queue = event->next;
        fh_event_free(event);
    }
    while (fh->documents)
        (void)fakehost_state_put(fh, fh->documents->name, NULL, 0);
    for (uint32_t i = 0; i < fh->n_args; i++)
        table_done(&fh->args[i]);
    table_done(&fh->options);
    free(fh->args);
    free(fh->mistake);
    free(fh->refuse_why);
    if (fh->cancel_fd >= 0)
        (void)close(fh->cancel_fd);
    (void)pthread_cond_destroy(&fh->changed);
    (void)pthread_mutex_destroy(&fh->lock);
    free(fh);
}

/* --- running -------------------------------------------------------------------------------------------------------
 */

/* A function of its own: nothing local is changed between setjmp() and longjmp(). */
static int
call(struct fakehost *fh)
{
    if (setjmp(fh->leave) != 0)
        return GA_FAILED;
    return fh->task->function(&fh->run, &fh_host_table);
}

static void
uncancel(struct fakehost *fh)
{
    uint64_t count;

    (void)pthread_mutex_lock(&fh->lock);
    fh->cancelled = 0;
    if (read(fh->cancel_fd, &count, sizeof(count)) < 0)
        errno = 0; /* it was not cancelled: nothing to read */
    (void)pthread_mutex_unlock(&fh->lock);
}

/* What can be seen only when the task has returned. */
static void
check_end(struct fakehost *fh, int outcome)
{
    const struct fakehost_act *last = fakehost_act(fh, fh->acts.n - 1);

    if (outcome < GA_OK || outcome > GA_FAILED)
        fh_breach(fh, "task '%s' returned %d, which is no outcome", fh->task->name, outcome);
    if (last && last->answer == GA_ACT_DO && last->ok < 0)
        fh_breach(fh, "task '%s' ended and left its act '%s' on '%s' open, it must call acted()", fh->task->name,
                  last->verb, last->object);
}

int
fakehost_run(struct fakehost *fh, const char *task)
{
    const char *key;
    int         outcome = GA_FAILED;

    if (fh->running) {
        (void)fh_mistake(fh, "the test called fakehost_run() within a run");
        return GA_FAILED;
    }
    forget(fh);
    fh->task = find_task(fh, task, &fh->task_args);
    if (standing_fault(fh))
        return GA_FAILED;
    if (!fh->task) {
        fh_breach(fh, "plugin '%s' has no task '%.64s'", fh->plugin->name, task ? task : "");
        return GA_FAILED;
    }
    key = missing(fh->task_args);
    if (!key)
        key = missing(&fh->options);
    if (key) {
        fh_breach(fh, "'%s' of %s must be given", key, fh->plugin->name);
        return GA_FAILED;
    }
    fh->thread = pthread_self();
    fh->running = 1;
    outcome = call(fh);
    fh->running = 0;
    uncancel(fh);
    check_end(fh, outcome);
    return fakehost_violation(fh) ? GA_FAILED : outcome;
}

/* --- after a run ---------------------------------------------------------------------------------------------------
 */

const char *
fakehost_violation(struct fakehost *fh)
{
    const char *fault = standing_fault(fh);

    return fault ? fault : fh->breach;
}

const char *
fakehost_summary(struct fakehost *fh)
{
    const char *violation = fakehost_violation(fh);

    return violation ? violation : fh->summary ? fh->summary : "";
}

static const void *
item_at(const struct fh_list *list, size_t i)
{
    return i < list->n ? list->items[i] : NULL;
}

size_t
fakehost_n_acts(struct fakehost *fh)
{
    return fh->acts.n;
}

const struct fakehost_act *
fakehost_act(struct fakehost *fh, size_t i)
{
    return item_at(&fh->acts, i);
}

size_t
fakehost_n_events(struct fakehost *fh)
{
    return fh->emitted.n;
}

const struct fakehost_emitted *
fakehost_emitted(struct fakehost *fh, size_t i)
{
    return item_at(&fh->emitted, i);
}

size_t
fakehost_n_lines(struct fakehost *fh)
{
    return fh->lines.n;
}

const struct fakehost_line *
fakehost_line(struct fakehost *fh, size_t i)
{
    return item_at(&fh->lines, i);
}

int
fakehost_logged(struct fakehost *fh, const char *text)
{
    for (size_t i = 0; i < fh->lines.n; i++)
        if (strstr(fakehost_line(fh, i)->text, text))
            return 1;
    return 0;
}

const char *
fakehost_result(struct fakehost *fh)
{
    return fh->result;
}

const char *
fakehost_text(struct fakehost *fh)
{
    return fh->text;
}

int
fakehost_metric(struct fakehost *fh, const char *name, double *ret)
{
    for (size_t i = fh->metrics.n; i > 0; i--) {
        const struct fh_metric *metric = item_at(&fh->metrics, i - 1);

        if (metric && strcmp(metric->name, name) == 0) {
            *ret = metric->value;
            return 0;
        }
    }
    return -1;
}

const char *
fakehost_progress(struct fakehost *fh, uint64_t *ret_done, uint64_t *ret_total)
{
    if (ret_done)
        *ret_done = fh->done;
    if (ret_total)
        *ret_total = fh->total;
    return fh->progress;
}

size_t
fakehost_n_ready(struct fakehost *fh)
{
    return fh->n_ready;
}

size_t
fakehost_n_beats(struct fakehost *fh)
{
    return fh->n_beats;
}
