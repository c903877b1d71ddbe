/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers of repositories: a push is published in the step that takes its journal entry, so once.
 */
#include "provider/source_notice.h"

static int tell(void *arg, struct db_tx *tx, const char *repository_arn, const char *topic_arn,
	const char *message, struct err *err)
{
	const struct source_notice *n = arg;
	const struct signal_agent by = {
		.service = "codecommit.amazonaws.com", .source_arn = repository_arn};

	return tx ? signal_publish_step(n->signal, tx, &by, topic_arn, NULL, message, err)
		  : signal_publish(n->signal, &by, topic_arn, NULL, message, err);
}

static int on_push(struct durable *d UNUSED, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct source_notice *n = arg;

	return source_run_triggers(n->source, tx, entry, &(struct source_teller){tell, n}, err);
}

void source_notice_watch(struct source_notice *n)
{
	source_set_teller(n->source, &(struct source_teller){tell, n});
	journal_subscribe(n->durable, &(struct journal_consumer){.name = "source.notice",
					      .kind_prefix = "codecommit.push",
					      .fn = on_push,
					      .arg = n});
}
