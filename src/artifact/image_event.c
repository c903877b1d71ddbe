/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's entries about images (R5). */
#include "artifact/image_internal.h"

int image_journal(struct artifact_engine *e, struct db_tx *tx, const char *action,
	const char *repository, const char *digest, const char *tag, const char *actor,
	struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_image doc = {
		.result = "SUCCESS",
		.repository_name = repository,
		.image_digest = digest,
		.image_tag = tag,
		.action_type = action,
	};
	struct journal_entry entry = {.kind = "ecr.image", .subject = repository, .actor = actor};

	wire_encode_json(&towpath_event_image_shape, &doc, &detail);
	entry.detail = str_text(&detail);
	return journal_append(e->durable, tx, &entry, err);
}
