/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: open pull requests follow their branches. Called by ref_update.c. */
#ifndef TOWPATH_SOURCE_PULL_FOLLOW_H
#define TOWPATH_SOURCE_PULL_FOLLOW_H

#include "source/ref_update.h"

/* Finds, ahead of the step that ends a change, the pull requests that the references changed
 * concern, and walks histories for them. The references are locked. */
int pull_follow_prepare(struct ref_update *u, struct err *err);
/* In that step: moves, closes and merges them. */
int pull_follow_step(struct ref_update *u, struct db_tx *tx, struct err *err);

#endif
