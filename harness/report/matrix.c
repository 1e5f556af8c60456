/* SPDX-License-Identifier: Apache-2.0
 *
 * The kill matrix as Markdown: what each change came to, what each technique and theme is worth,
 * and what only one of them sees.
 *
 * "only by" is said of what was run: when a proof stops at the first refusal, it cannot be said,
 * and the columns say so. Executions are those of the cell that refused, up to the first failure; a
 * median is that of the lower middle.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/report/report.h"
#include "harness/run/proof_record.h"

/* The theme of a case: what stands before the full stop. */
static int theme_size(const struct test_case *test_case)
{
    return (int)strcspn(test_case->name, ".");
}

static bool is_judged_defect(const struct exhibit *exhibit)
{
    return exhibit->judged && exhibit->kind == EXHIBIT_DEFECT;
}

static const char *end_word(const struct exhibit *exhibit)
{
    if (exhibit->kind == EXHIBIT_HARMLESS)
        return exhibit->good ? "passed" : "REFUSED";
    if (exhibit->good)
        return "detected";
    return exhibit->reached == STAGE_NO ? "NOT REACHED" : "SURVIVES";
}

/* Text in a cell of a table. */
static void put_text(FILE *file, const char *text)
{
    for (; *text; text++)
        if (*text == '|' || *text == '\n')
            fputc(' ', file);
        else
            fputc(*text, file);
}

static void put_first_refusals(FILE *file, const struct proof *proof)
{
    fputs("| change | came to | reached | triggered | first refused by | taken for | executions | "
          "CPU, s | token |\n|---|---|---|---|---|---|---:|---:|---|\n",
          file);
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        const struct exhibit *exhibit = &proof->exhibits[i];
        const struct refusal *first = exhibit->refusal_count ? exhibit->refusals : NULL;
        if (!exhibit->judged)
            continue;
        fprintf(file, "| %s | %s | %s | %s | %s %s | %s | %llu | %.2f | %s%s%s |\n", exhibit->name,
                end_word(exhibit), stage_name(exhibit->reached), stage_name(exhibit->triggered),
                first ? technique_name(first->technique) : "-", first ? first->test_case->name : "",
                first ? consequence_name(first->consequence) : "-",
                (unsigned long long)exhibit->executions, (double)exhibit->cpu_us / 1e6,
                first && first->token ? "`" : "",
                first && first->token && strlen(first->token) <= 160 ? first->token
                : first && first->token                              ? "(long)"
                                                                     : "-",
                first && first->token ? "`" : "");
    }
}

/* What the cells of one technique made of a defect: each theme once, with what it took it for. */
static void put_cell(FILE *file, const struct exhibit *exhibit, uint32_t technique)
{
    const char *between = "";
    bool some = false;
    for (uint32_t i = 0; i < exhibit->refusal_count; i++) {
        const struct refusal *refusal = &exhibit->refusals[i];
        bool again = false;
        if (refusal->technique != technique)
            continue;
        for (uint32_t j = 0; j < i; j++) {
            const struct refusal *before = &exhibit->refusals[j];
            again |= before->technique == technique &&
                     before->consequence == refusal->consequence &&
                     theme_size(before->test_case) == theme_size(refusal->test_case) &&
                     strncmp(before->test_case->name, refusal->test_case->name,
                             (size_t)theme_size(refusal->test_case)) == 0;
        }
        if (again)
            continue;
        fprintf(file, "%s%.*s (%s)", between, theme_size(refusal->test_case),
                refusal->test_case->name, consequence_name(refusal->consequence));
        between = ", ";
        some = true;
    }
    fputs(some ? " |" : "- |", file);
}

static void put_matrix(FILE *file, const struct proof *proof)
{
    fputs("\n| defect |", file);
    for (uint32_t t = 1; t < TECHNIQUES; t++)
        fprintf(file, " %s |", technique_name(t));
    fputs(" only by |\n|---|", file);
    for (uint32_t t = 1; t < TECHNIQUES; t++)
        fputs("---|", file);
    fputs("---|\n", file);
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        const struct exhibit *exhibit = &proof->exhibits[i];
        uint32_t by = exhibit_techniques(exhibit);
        if (!is_judged_defect(exhibit))
            continue;
        fprintf(file, "| %s |", exhibit->name);
        for (uint32_t t = 1; t < TECHNIQUES; t++) {
            fputc(' ', file);
            put_cell(file, exhibit, t);
        }
        fprintf(file, " %s |\n",
                __builtin_popcount(by) == 1 ? technique_name((uint32_t)__builtin_ctz(by)) : "");
    }
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint32_t proof_worth(const struct proof *proof, uint32_t technique, uint32_t *ret_only,
                     uint64_t *ret_median)
{
    uint64_t executions[EXHIBITS_MAX];
    uint32_t count = 0;
    *ret_only = 0;
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        const struct exhibit *exhibit = &proof->exhibits[i];
        uint64_t fewest = UINT64_MAX;
        for (uint32_t r = 0; r < exhibit->refusal_count && is_judged_defect(exhibit); r++)
            if (exhibit->refusals[r].technique == technique &&
                exhibit->refusals[r].executions < fewest)
                fewest = exhibit->refusals[r].executions;
        if (fewest == UINT64_MAX)
            continue;
        executions[count++] = fewest;
        *ret_only += exhibit_techniques(exhibit) == 1u << technique;
    }
    qsort(executions, count, sizeof *executions, by_number);
    *ret_median = count ? executions[(count - 1) / 2] : 0;
    return count;
}

static void put_worth(FILE *file, const struct proof *proof)
{
    fputs("\n| technique | defects refused | only by it | executions to detection, median |\n"
          "|---|---:|---:|---:|\n",
          file);
    for (uint32_t t = 1; t < TECHNIQUES; t++) {
        uint32_t only;
        uint64_t median;
        uint32_t count = proof_worth(proof, t, &only, &median);
        fprintf(file, "| %s | %u | %u | %llu |\n", technique_name(t), count, only,
                (unsigned long long)median);
    }
}

/* Each case that refused something, with how many changes, and how many only it refused. */
static void put_cases(FILE *file, const struct proof *proof)
{
    fputs("\n| case | defects refused | only by it |\n|---|---:|---:|\n", file);
    for (uint32_t c = 0; all_cases[c]; c++) {
        uint32_t count = 0, only = 0;
        for (uint32_t i = 0; i < proof->exhibit_count; i++) {
            const struct exhibit *exhibit = &proof->exhibits[i];
            bool by_it = false, by_others = false;
            for (uint32_t r = 0; r < exhibit->refusal_count && is_judged_defect(exhibit); r++) {
                by_it |= exhibit->refusals[r].test_case == all_cases[c];
                by_others |= exhibit->refusals[r].test_case != all_cases[c];
            }
            count += by_it;
            only += by_it && !by_others;
        }
        if (count > 0)
            fprintf(file, "| %s | %u | %u |\n", all_cases[c]->name, count, only);
    }
}

/* What was seen and does not count, and why what is not as it should be is so. */
static void put_asides(FILE *file, const struct proof *proof)
{
    bool some = false;
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        const struct exhibit *exhibit = &proof->exhibits[i];
        const char *text = exhibit->aside[0] ? exhibit->aside : exhibit->good ? "" : exhibit->why;
        if (!exhibit->judged || !text[0])
            continue;
        if (!some)
            fputs("\n| change | seen, and not counted |\n|---|---|\n", file);
        some = true;
        fprintf(file, "| %s | ", exhibit->name);
        put_text(file, text);
        fputs(" |\n", file);
    }
}

static void put_gate(FILE *file, const struct gate *gate)
{
    static const char *const words[] = {
        [GATE_FAILED] = "NO", [GATE_OK] = "yes", [GATE_NOT_JUDGED] = "not judged"};
    fputs("\n| rule | wanted | got | held |\n|---|---|---|---|\n", file);
    for (uint32_t i = 0; i < GATE_RULES; i++)
        fprintf(file, "| %s | %s | %s | %s |\n", gate->rules[i].name, gate->rules[i].wanted,
                gate->rules[i].got, words[gate->rules[i].state]);
}

bool matrix_save(const struct proof *proof, const struct gate *gate, const char *path)
{
    FILE *file = fopen(path, "we");
    if (file) {
        put_first_refusals(file, proof);
        put_matrix(file, proof);
        put_worth(file, proof);
        put_cases(file, proof);
        put_asides(file, proof);
        put_gate(file, gate);
    }
    bool failed = file && ferror(file);
    if (file && fclose(file) == 0 && !failed)
        return true;
    fprintf(stderr, "assay: cannot write %s: %s\n", path, strerror(errno));
    return false;
}
