/* SPDX-License-Identifier: Apache-2.0
 *
 * RapidCheck (Debian's librapidcheck-dev), asked the questions of anchor.h. The only C++ file here.
 *
 * For cases a second its generator is called by hand, one fresh seed after the other, without the
 * part that runs properties, counts and catches exceptions: that was the fastest of what was tried
 * (rc::check() with an argument or with `*gen`, a generator of results; container() of any length,
 * mapcat() of a length, exec(), a generator written out).
 *
 * The challenges are generators of results run by checkProperty(), which searches and shrinks as
 * rc::check() does, without printing. Values have the ranges of ours; numbers and lengths grow with
 * RapidCheck's size, as its users have it, so that small and equal ones come up. Its inRange()
 * shrinks to the lower bound, so it stands only where that is the simplest value; elsewhere numbers
 * are those of arbitrary(), which shrink to zero. Expressions shrink to their branches, too, which
 * RapidCheck does not do by itself.
 */
#include <rapidcheck.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/bench/anchor.h"

extern "C" const char *anchor_name(void)
{
    return "RapidCheck, Debian's librapidcheck-dev " RAPIDCHECK_VERSION;
}

namespace
{

/* A generator at its full size: RapidCheck would otherwise begin with small values. */
template <typename T> rc::Gen<T> full(rc::Gen<T> gen)
{
    return rc::gen::resize(rc::kNominalSize, std::move(gen));
}

} // namespace

extern "C" uint32_t anchor_round_trips(uint32_t cases, const uint8_t *lengths, size_t length_count)
{
    const auto byte = full(rc::gen::arbitrary<uint8_t>());
    const auto length = full(rc::gen::inRange<size_t>(0, length_count));
    const auto gen = rc::gen::mapcat(length, [=](size_t which) {
        return rc::gen::container<std::vector<uint8_t>>(lengths[which], byte);
    });
    rc::Random random(1);
    uint32_t held = 0;
    for (uint32_t i = 0; i < cases; i++) {
        const auto bytes = gen(random.split(), rc::kNominalSize).value();
        held += round_trips(bytes.data(), bytes.size());
    }
    return held;
}

/* --- The challenges ----------------------------------------------------------------------------
 */

namespace
{

using list = std::vector<int64_t>;
using lists = std::vector<list>;
using result = rc::detail::CaseResult::Type;

constexpr int length_max = 100; /* of a list for which the problem names no limit */

/* What one run of a problem says: its result, and its value in words. */
struct told {
    result type;
    std::string story;
};

told holds_if(bool holds, std::string story)
{
    return {holds ? result::Success : result::Failure, std::move(story)};
}

std::string text(const list &of)
{
    std::string ret = "[";
    for (size_t i = 0; i < of.size(); i++)
        ret += (i ? "," : "") + std::to_string(of[i]);
    return ret + "]";
}

std::string text(const lists &of, bool skip_empty)
{
    std::string ret;
    for (const auto &one : of)
        if (!skip_empty || !one.empty())
            ret += text(one);
    return ret;
}

size_t distinct_count(list of)
{
    std::sort(of.begin(), of.end());
    return static_cast<size_t>(std::unique(of.begin(), of.end()) - of.begin());
}

/* At most `longest` elements; elements have the size that the run has. */
template <typename T> rc::Gen<std::vector<T>> up_to(int longest, rc::Gen<T> element)
{
    return rc::gen::withSize([=](int size) {
        return rc::gen::resize(std::min(size, longest),
                               rc::gen::container<std::vector<T>>(rc::gen::resize(size, element)));
    });
}

rc::Gen<list> any_list(int longest)
{
    return up_to(longest, rc::gen::arbitrary<int64_t>());
}

told reverse(const list &drawn)
{
    return holds_if(std::equal(drawn.begin(), drawn.end(), drawn.rbegin()), text(drawn) + "\n");
}

told length_list(const list &drawn)
{
    return holds_if(std::all_of(drawn.begin(), drawn.end(), [](int64_t x) { return x < 900; }),
                    text(drawn) + "\n");
}

told large_union_list(const lists &drawn)
{
    list all;
    for (const auto &one : drawn)
        all.insert(all.end(), one.begin(), one.end());
    return holds_if(distinct_count(all) <= 4, text(drawn, false) + "\n");
}

told bound5(const lists &drawn)
{
    uint16_t total = 0;
    bool small = true;
    for (const auto &one : drawn) {
        uint16_t sum = 0;
        for (int64_t x : one)
            sum = static_cast<uint16_t>(sum + x);
        small = small && static_cast<int16_t>(sum) < 256;
        total = static_cast<uint16_t>(total + sum);
    }
    return holds_if(!small || static_cast<int16_t>(total) < 5 * 256, text(drawn, true) + "\n");
}

rc::Gen<lists> five_lists(int longest)
{
    const auto one = up_to(longest, rc::gen::cast<int64_t>(rc::gen::arbitrary<int16_t>()));
    return rc::gen::apply(
        [](list a, list b, list c, list d, list e) {
            return lists{std::move(a), std::move(b), std::move(c), std::move(d), std::move(e)};
        },
        one, one, one, one, one);
}

/* A number, or two expressions with + or / between them. */
struct expression {
    int64_t number;
    char operation; /* 0: a number */
    std::shared_ptr<const expression> left, right;
};
using tree = std::shared_ptr<const expression>;

std::string text(const tree &of)
{
    if (!of->operation)
        return std::to_string(of->number);
    return "(" + text(of->left) + of->operation + text(of->right) + ")";
}

rc::Gen<tree> any_expression(int depth)
{
    const auto number = rc::gen::map(rc::gen::arbitrary<int32_t>(), [](int32_t x) {
        return tree(new expression{x, 0, nullptr, nullptr});
    });
    if (depth == 0)
        return number;
    const auto branch = any_expression(depth - 1);
    const auto joined = [=](char operation) {
        return rc::gen::apply(
            [=](tree left, tree right) {
                return tree(new expression{0, operation, std::move(left), std::move(right)});
            },
            branch, branch);
    };
    return rc::gen::shrink(rc::gen::oneOf(number, joined('+'), joined('/')), [](const tree &of) {
        return of->operation ? rc::seq::just(of->left, of->right) : rc::Seq<tree>();
    });
}

struct value {
    int64_t number;
    bool divided_by_zero, divided_by_literal_zero;
};

value evaluate(const tree &of)
{
    if (!of->operation)
        return {of->number, false, false};
    const value left = evaluate(of->left), right = evaluate(of->right);
    value ret{0, left.divided_by_zero || right.divided_by_zero,
              left.divided_by_literal_zero || right.divided_by_literal_zero};
    if (of->operation == '+') {
        ret.number = left.number + right.number;
    } else if (right.number != 0) {
        ret.number = left.number / right.number;
    } else {
        ret.divided_by_zero = true;
        ret.divided_by_literal_zero |= !of->right->operation;
    }
    return ret;
}

told calculator(const tree &drawn)
{
    const value is = evaluate(drawn);
    if (is.divided_by_literal_zero)
        return {result::Discard, ""};
    return holds_if(!is.divided_by_zero, text(drawn) + "\n");
}

told nested_lists(const lists &drawn)
{
    size_t total = 0;
    for (const auto &one : drawn)
        total += one.size();
    return holds_if(total <= 10, text(drawn, false) + "\n");
}

told distinct(const list &drawn)
{
    return holds_if(distinct_count(drawn) < 3, text(drawn) + "\n");
}

told deletion(const std::pair<list, size_t> &drawn)
{
    const auto &in = drawn.first;
    if (drawn.second >= in.size())
        return {result::Discard, ""};
    const int64_t removed = in[drawn.second];
    return holds_if(std::count(in.begin(), in.end(), removed) < 2,
                    text(in) + "\n" + std::to_string(removed) + "\n");
}

told coupling(const list &drawn)
{
    bool coupled = false;
    for (int64_t at : drawn)
        if (at >= static_cast<int64_t>(drawn.size()))
            return {result::Discard, ""};
    for (size_t i = 0; i < drawn.size(); i++) {
        const auto other = static_cast<size_t>(drawn[i]);
        coupled |= other != i && drawn[other] == static_cast<int64_t>(i);
    }
    return holds_if(!coupled, text(drawn) + "\n");
}

using pair = std::pair<int64_t, int64_t>;

std::function<told(const pair &)> difference(int64_t least, int64_t most)
{
    return [=](const pair &drawn) {
        const int64_t apart =
            std::max(drawn.first, drawn.second) - std::min(drawn.first, drawn.second);
        return holds_if(drawn.first < 10 || apart < least || apart > most,
                        std::to_string(drawn.first) + "," + std::to_string(drawn.second) + "\n");
    };
}

/* --- Searching and shrinking one failure -------------------------------------------------------
 */

/* The last failing run of the present seed. RapidCheck goes on from each shrink that fails, so in
 * the end this is its counterexample. */
told last_failure;

rc::detail::CaseDescription note(const told &run)
{
    rc::detail::CaseDescription description;
    description.result.type = run.type;
    description.example = [] { return rc::detail::Example(); };
    if (run.type == result::Failure)
        last_failure = run;
    return description;
}

template <typename T, typename Problem>
rc::detail::Property property(rc::Gen<T> gen, Problem problem)
{
    return rc::gen::map(std::move(gen), [=](const T &drawn) { return note(problem(drawn)); });
}

struct counter : rc::detail::TestListener {
    uint32_t shrinks_tried = 0;
    void onTestCaseFinished(const rc::detail::CaseDescription &) override
    {
    }
    void onShrinkTried(const rc::detail::CaseDescription &, bool) override
    {
        shrinks_tried++;
    }
    void onTestFinished(const rc::detail::TestMetadata &, const rc::detail::TestResult &) override
    {
    }
};

const std::unordered_map<std::string, rc::detail::Property> &properties()
{
    const auto positive = rc::gen::positive<int64_t>();
    const auto two = rc::gen::pair(positive, positive);
    static const std::unordered_map<std::string, rc::detail::Property> ret = {
        {"reverse", property(any_list(length_max), reverse)},
        {"length_list",
         property(rc::gen::nonEmpty(up_to(100, rc::gen::inRange<int64_t>(0, 1001))), length_list)},
        {"large_union_list", property(up_to(10, any_list(10)), large_union_list)},
        {"bound5", property(five_lists(1), bound5)},
        {"bound5_lists10", property(five_lists(10), bound5)},
        {"calculator", property(any_expression(5), calculator)},
        {"nested_lists",
         property(up_to(10, up_to(20, rc::gen::inRange<int64_t>(0, 2))), nested_lists)},
        {"distinct", property(any_list(length_max), distinct)},
        {"deletion",
         property(rc::gen::pair(any_list(length_max), rc::gen::inRange<size_t>(0, 11)), deletion)},
        {"coupling", property(up_to(length_max, rc::gen::inRange<int64_t>(0, 11)), coupling)},
        {"difference_not_zero", property(two, difference(0, 0))},
        {"difference_not_small", property(two, difference(1, 4))},
        {"difference_not_one", property(two, difference(1, 1))},
    };
    return ret;
}

} // namespace

extern "C" bool anchor_shrink(const char *problem, uint64_t seed, struct anchor_shrunk *ret)
{
    const auto found = properties().find(problem);
    if (found == properties().end())
        return false;
    rc::detail::TestParams params;
    params.seed = seed;
    params.maxSuccess = 200000;
    params.maxDiscardRatio = 1000;
    counter listener;
    last_failure = told{result::Success, ""};
    /* The map of failures to be repeated is empty; without it the environment would be read. */
    rc::detail::checkProperty(found->second, rc::detail::TestMetadata(), params, listener, {});
    ret->executions = listener.shrinks_tried;
    std::snprintf(ret->story, sizeof ret->story, "%s", last_failure.story.c_str());
    return last_failure.type == result::Failure;
}
