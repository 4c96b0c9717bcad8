/*
 * fuzz_manifest.c: bytes as a manifest. Whatever they are, they are parsed or diagnosed, never both, and every value of
 * the tree can be held against every type of option.
 *
 * Built with clang -fsanitize=fuzzer,address,undefined it searches; with FUZZ_REPLAY defined it reads the files it is
 * given.
 */
#include "agent/manifest.h"
#include "agent/value.h"

#include <gonka-agent/plugin.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
against_all_types(const struct value_context *context, const struct node *node)
{
    static char  key[] = "key";
    static char  help[] = "";
    static char  choice[] = "nats:4222";
    static char *choices[] = {choice};

    for (uint32_t type = GA_T_STRING; type <= GA_T_SECRET; type++)
        for (uint32_t shape = 0; shape <= GA_T_MAP; shape = shape ? shape * 2 : GA_T_LIST) {
            const struct option_desc option = {.key = key,
                                               .help = help,
                                               .type = type | shape,
                                               .flags = GA_READ | GA_WRITE,
                                               .choices = choices,
                                               .n_choices = 1};
            cJSON                   *value = value_check(context, &option, node);

            if (value && (shape == GA_T_LIST) != cJSON_IsArray(value))
                abort();
            cJSON_Delete(value);
        }
}

static void
walk(const struct value_context *context, const struct node *node, unsigned depth)
{
    if (depth > MANIFEST_DEPTH_MAX + 1)
        abort();
    against_all_types(context, node);
    for (size_t i = 0; i < node->count && i < 16; i++)
        walk(context, node->items[i], depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct diagnostics diagnostics;
    struct node       *root;

    diagnostics_init(&diagnostics, "fuzz");
    root = manifest_parse((const char *)data, len, &diagnostics);
    if (!root && diagnostics.errors == 0)
        abort(); /* refused without a word */
    if (root) {
        cJSON                     *rules = rules_new();
        const struct value_context context = {
            .diagnostics = &diagnostics, .vars = node_get(root, "node"), .rules = rules, .owner = "of fuzz"};

        walk(&context, root, 0);
        cJSON_Delete(rules);
    }
    node_free(root);
    diagnostics_done(&diagnostics);
    return 0;
}

#include "tests/fuzz/replay.h"
