/* SPDX-License-Identifier: Apache-2.0 */
/* Reactions to comments: one of each user's. */
#include "base/mem.h"
#include "source/comment.h"
#include "source/comment_post.h"

#define PAGE_MAX 1000

static const struct codecommit_reaction_value_formats reactions[] = {
	{"\U0001F44D", ":thumbsup:", "U+1F44D"},
	{"\U0001F44E", ":thumbsdown:", "U+1F44E"},
	{"\U0001F604", ":smile:", "U+1F604"},
	{"\u2764", ":heart:", "U+2764"},
	{"\U0001F620", ":angry:", "U+1F620"},
	{"\U0001F615", ":confused:", "U+1F615"},
	{"\U0001F631", ":scream:", "U+1F631"},
	{"\U0001F62D", ":sob:", "U+1F62D"},
};

static const struct codecommit_reaction_value_formats *find(const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(reactions); i++)
		if (streq(reactions[i].emoji, value) || streq(reactions[i].short_code, value) ||
			streq(reactions[i].unicode, value))
			return &reactions[i];
	return NULL;
}

struct reacting {
	struct source_engine *e;
	struct call *call;
	const char *comment_id;
	const struct codecommit_reaction_value_formats *reaction; /* NULL: none any more */
};

static int tell(
	struct reacting *s, struct db_tx *tx, const struct comment *c, bool known, struct err *err)
{
	struct towpath_event_comment event = {
		.event = known ? "commentReactionUpdated" : "commentReactionCreated"};
	const struct codecommit_reaction_value_formats *r = s->reaction;
	struct arena *a = s->call->arena;

	wire_list_alloc(a, &event.reaction_emojis, r ? 1 : 0);
	wire_list_alloc(a, &event.reaction_shortcodes, r ? 1 : 0);
	wire_list_alloc(a, &event.reaction_unicodes, r ? 1 : 0);
	if (r) {
		event.reaction_emojis.v[0] = r->emoji;
		event.reaction_shortcodes.v[0] = r->short_code;
		event.reaction_unicodes.v[0] = r->unicode;
	}
	return comment_journal(
		s->e, tx, c, COMMENT_KIND_REACTION, &event, s->call->principal_arn, a, err);
}

static int put_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct reacting *s = arg;
	struct arena *a = s->call->arena;
	struct towpath_source_reaction known, doc = {.user_arn = s->call->principal_arn};
	struct comment c;
	const char *id;
	int found;

	if (comment_load(tx, s->comment_id, a, &c, err) < 0 || comment_check_there(&c, err) < 0)
		return -1;
	id = arena_printf(a, "%s/%s", s->comment_id, doc.user_arn);
	found = store_document_get(tx, &STORE_SOURCE_REACTION, id, a, &known, err);
	if (found < 0)
		return -1;
	if (!s->reaction) {
		if (!found)
			return 0;
		if (store_document_delete(tx, &STORE_SOURCE_REACTION, id, err) < 0)
			return -1;
		return tell(s, tx, &c, true, err);
	}
	doc.short_code = s->reaction->short_code;
	if (store_document_put(tx, &STORE_SOURCE_REACTION, id, s->comment_id, &doc, err) < 0)
		return -1;
	return tell(s, tx, &c, found > 0, err);
}

int source_put_comment_reaction(struct source_engine *e, struct call *call,
	const struct codecommit_put_comment_reaction_request *req,
	struct codecommit_put_comment_reaction_response *resp UNUSED, struct err *err)
{
	struct reacting s = {.e = e, .call = call, .comment_id = req->comment_id};
	const char *value = req->reaction_value;

	if (!value)
		return err_set_wire(
			err, "ReactionValueRequiredException", "A reaction is required.");
	if (*value && !streq(value, "none")) {
		s.reaction = find(value);
		if (!s.reaction)
			return err_set_wire(err, "InvalidReactionValueException",
				"%s is not a reaction; give an emoji, its short code or its code "
				"point.",
				value);
	}
	return durable_step(e->durable, put_fn, &s, err);
}

/* ---- listing ---- */

struct listing {
	struct call *call;
	const char *comment_id;
	struct store_documents found;
};

static int list_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct listing *l = arg;
	struct comment c;

	if (comment_load(tx, l->comment_id, l->call->arena, &c, err) < 0 ||
		comment_check_there(&c, err) < 0)
		return -1;
	return store_document_list(tx, &STORE_SOURCE_REACTION,
		&(struct store_document_filter){.owner = l->comment_id}, l->call->arena, &l->found,
		err);
}

/* The users of one reaction; false when there are none. */
static bool fill(const struct listing *l, const struct codecommit_reaction_value_formats *r,
	const char *user, struct codecommit_reaction_for_comment *ret)
{
	*ret = (struct codecommit_reaction_for_comment){
		.reaction = arena_new(l->call->arena, struct codecommit_reaction_value_formats),
		.reactions_from_deleted_users_count = WIRE_SET_INT(0)};
	*ret->reaction = *r;
	wire_list_alloc(l->call->arena, &ret->reaction_users, l->found.n);
	ret->reaction_users.n = 0;
	for (size_t i = 0; i < l->found.n; i++) {
		const struct towpath_source_reaction *by = l->found.v[i];

		if (streq(by->short_code, r->short_code) && (!user || streq(user, by->user_arn)))
			ret->reaction_users.v[ret->reaction_users.n++] = by->user_arn;
	}
	return ret->reaction_users.n > 0;
}

int source_get_comment_reactions(struct source_engine *e, struct call *call,
	const struct codecommit_get_comment_reactions_request *req,
	struct codecommit_get_comment_reactions_response *resp, struct err *err)
{
	struct listing l = {.call = call, .comment_id = req->comment_id};
	struct codecommit_reaction_for_comment r;
	struct source_page page;
	size_t start, limit;

	if (req->reaction_user_arn && !starts_with(req->reaction_user_arn, "arn:"))
		return err_set_wire(err, "InvalidReactionUserArnException", "%s is not an ARN.",
			req->reaction_user_arn);
	if (source_page_open(req->next_token, &page, err) < 0 ||
		source_page_size(req->max_results, PAGE_MAX, PAGE_MAX, &limit, err) < 0 ||
		db_read(durable_db(e->durable), list_fn, &l, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->reactions_for_comment, ARRAY_SIZE(reactions));
	resp->reactions_for_comment.n = 0;
	start = source_page_begin(
		&page, &reactions[0].short_code, ARRAY_SIZE(reactions), sizeof(*reactions));
	for (size_t i = start; i < ARRAY_SIZE(reactions); i++) {
		if (!fill(&l, &reactions[i], req->reaction_user_arn, &r))
			continue;
		if (resp->reactions_for_comment.n == limit) {
			resp->next_token = source_page_behind(call->arena, i,
				resp->reactions_for_comment.v[limit - 1].reaction->short_code);
			break;
		}
		resp->reactions_for_comment.v[resp->reactions_for_comment.n++] = r;
	}
	return 0;
}
