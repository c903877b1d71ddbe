/* SPDX-License-Identifier: Apache-2.0 */
/* The patterns of git triggers, in Java's glob syntax, and the filters made of them. */
#ifndef TOWPATH_PIPELINE_GIT_PATTERN_H
#define TOWPATH_PIPELINE_GIT_PATTERN_H

#include "codepipeline.gen.h"

/* Whether the whole name matches: * and ? stop at slashes, ** does not; [a-z], [!a], {a,b}, \x. */
bool git_pattern_matches(const char *pattern, const char *name);
/* Whether a name passes lists of includes and excludes: no includes let all pass; excludes win.
 * The lists are any generated list of strings. */
bool git_pattern_passes(const char *const *includes, size_t n_includes, const char *const *excludes,
	size_t n_excludes, const char *name);

struct git_push {
	const char *branch, *tag; /* one of them */
	bool created;		  /* the branch is new */
	const char *const *paths; /* changed files */
	size_t n_paths;
};
/* Whether a push passes one of the push filters of a trigger. */
bool git_push_passes(const struct codepipeline_git_configuration *c, const struct git_push *push);
/* Whether any of the push filters looks at paths. */
bool git_push_wants_paths(const struct codepipeline_git_configuration *c);

#endif
