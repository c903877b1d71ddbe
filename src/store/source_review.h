/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of documents (store/document.h) of what CodeCommit knows beside repositories. */
#ifndef TOWPATH_STORE_SOURCE_REVIEW_H
#define TOWPATH_STORE_SOURCE_REVIEW_H

#include "store/document.h"

extern const struct store_document_kind STORE_SOURCE_MERGE; /* id: repository/source/destination */

#endif
