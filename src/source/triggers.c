/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers: topics that are told of a repository's pushes, one message a push and trigger. */
#include "source/triggers.h"

#include <ctype.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "codec/json.h"
#include "store/source_review.h"

#define TRIGGERS_MAX 10
#define BRANCHES_MAX 10
#define NAME_MAX_BYTES 100
#define CUSTOM_DATA_MAX 1000
#define EVENT_ALL CODECOMMIT_REPOSITORY_TRIGGER_EVENT_ENUM_ALL
#define EVENT_UPDATE CODECOMMIT_REPOSITORY_TRIGGER_EVENT_ENUM_UPDATEREFERENCE
#define EVENT_CREATE CODECOMMIT_REPOSITORY_TRIGGER_EVENT_ENUM_CREATEREFERENCE
#define EVENT_DELETE CODECOMMIT_REPOSITORY_TRIGGER_EVENT_ENUM_DELETEREFERENCE

/* ---- checks ---- */

static int check_name(const char *name, struct err *err)
{
	if (!name || !*name)
		return err_set_wire(err, "RepositoryTriggerNameRequiredException",
			"A trigger's name is required.");
	for (const char *p = name; *p; p++)
		if (p - name >= NAME_MAX_BYTES ||
			(!isalnum((unsigned char)*p) && !strchr("._-", *p)))
			return err_set_wire(err, "InvalidRepositoryTriggerNameException",
				"The trigger name %s is not valid. Names have 1 to %d letters, "
				"digits, periods, underscores and dashes.",
				name, NAME_MAX_BYTES);
	return 0;
}

static int check_destination(struct source_engine *e, const char *arn, struct err *err)
{
	struct view rest = view_of(arn), parts[5];

	if (!arn || !*arn)
		return err_set_wire(err, "RepositoryTriggerDestinationArnRequiredException",
			"The ARN of a trigger's topic is required.");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = view_cut(&rest, ':');
	if (!view_eq_str(parts[0], "arn") || !view_eq_str(parts[2], "sns") || !rest.p ||
		!rest.len || ends_with(arn, ".fifo"))
		return err_set_wire(err, "InvalidRepositoryTriggerDestinationArnException",
			"%s is not the ARN of a standard topic; functions are not served.", arn);
	if (!view_eq_str(parts[3], e->region))
		return err_set_wire(err, "InvalidRepositoryTriggerRegionException",
			"The topic %s is not in region %s.", arn, e->region);
	return 0;
}

static int check_events(const struct codecommit_repository_trigger *t, struct err *err)
{
	static const char *const known[] = {EVENT_ALL, EVENT_UPDATE, EVENT_CREATE, EVENT_DELETE};

	if (t->events.n == 0)
		return err_set_wire(err, "RepositoryTriggerEventsListRequiredException",
			"The events of trigger %s are required.", t->name);
	wire_foreach (event, &t->events) {
		size_t i = 0;

		while (i < ARRAY_SIZE(known) && !streq(known[i], *event))
			i++;
		if (i == ARRAY_SIZE(known) || (i == 0 && t->events.n > 1))
			return err_set_wire(err, "InvalidRepositoryTriggerEventsException",
				"The events of trigger %s are not valid: give all alone, or some "
				"of "
				"updateReference, createReference and deleteReference.",
				t->name);
	}
	return 0;
}

static int check_branches(const struct codecommit_repository_trigger *t, struct err *err)
{
	CLEANUP_ERR struct err bad = ERR_INIT;

	if (!t->branches.set)
		return err_set_wire(err, "RepositoryTriggerBranchNameListRequiredException",
			"The list of branches of trigger %s is required; it may be empty.",
			t->name);
	if (t->branches.n > BRANCHES_MAX)
		return err_set_wire(err, "MaximumBranchesExceededException",
			"Trigger %s has more than %d branches.", t->name, BRANCHES_MAX);
	wire_foreach (branch, &t->branches)
		if (source_check_branch_name(*branch, &bad) < 0)
			return err_set_wire(err, "InvalidRepositoryTriggerBranchNameException",
				"%s", err_message(&bad));
	return 0;
}

static int check(struct source_engine *e, const struct codecommit_repository_triggers_list *list,
	struct err *err)
{
	CLEANUP_MAP struct map names = MAP_INIT;

	if (!list->set)
		return err_set_wire(err, "RepositoryTriggersListRequiredException",
			"The list of triggers is required; an empty one removes them.");
	if (list->n > TRIGGERS_MAX)
		return err_set_wire(err, "MaximumRepositoryTriggersExceededException",
			"A repository has at most %d triggers.", TRIGGERS_MAX);
	wire_foreach (t, list) {
		if (check_name(t->name, err) < 0 ||
			check_destination(e, t->destination_arn, err) < 0 ||
			check_events(t, err) < 0 || check_branches(t, err) < 0)
			return -1;
		if (t->custom_data && strlen(t->custom_data) > CUSTOM_DATA_MAX)
			return err_set_wire(err, "InvalidRepositoryTriggerCustomDataException",
				"The custom data of trigger %s has more than %d characters.",
				t->name, CUSTOM_DATA_MAX);
		if (map_set(&names, t->name, e))
			return err_set_wire(err, "InvalidRepositoryTriggerNameException",
				"Two triggers are named %s.", t->name);
	}
	return 0;
}

/* ---- a push ---- */

int triggers_journal(
	struct ref_update *u, struct db_tx *tx, const char *repository_name, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STR struct str detail = STR_INIT;
	struct json_writer w = {.out = &detail};
	struct codecommit_get_repository_triggers_response triggers;
	struct journal_entry entry = {.kind = "codecommit.push", .actor = u->actor};
	int rc = store_document_get(
		tx, &STORE_SOURCE_TRIGGERS, u->repository_id, &a, &triggers, err);

	if (rc <= 0 || triggers.triggers.n == 0)
		return MIN(rc, 0);
	json_open(&w, '{');
	json_put_member(&w, "repositoryName", repository_name);
	json_put_member(&w, "repositoryId", u->repository_id);
	json_put_member(&w, "callerUserArn", u->actor);
	json_key(&w, "references");
	json_open(&w, '[');
	for (size_t i = 0; i < u->n; i++) {
		const struct ref_change *c = &u->changes[i];
		bool created = vcs_id_is_zero(&c->before), deleted = vcs_id_is_zero(&c->after);

		if (!c->applied)
			continue;
		json_open(&w, '{');
		json_put_member(&w, "commit", deleted ? c->before.hex : c->after.hex);
		json_put_member(&w, "ref", c->ref);
		json_put_member(&w, "event",
			deleted	  ? EVENT_DELETE
			: created ? EVENT_CREATE
				  : EVENT_UPDATE);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	entry.subject = source_arn(u->e, repository_name, &a);
	entry.detail = str_text(&detail);
	return journal_append(u->e->durable, tx, &entry, err);
}

/* ---- messages ---- */

/* What all messages about one push have in common. */
struct telling {
	struct source_engine *e;
	const char *repository_name, *actor, *configuration_id, *event_name;
	int64_t usec;
	const struct json_node *references; /* commit, ref, event of each */
};

static bool wants(const struct codecommit_repository_trigger *t, const struct json_node *reference)
{
	const char *event = json_member_text(reference, "event");
	const char *ref = json_member_text(reference, "ref");
	bool matches = false;

	wire_foreach (wanted, &t->events)
		matches = matches || streq(*wanted, EVENT_ALL) || streq(*wanted, event);
	if (!matches || t->branches.n == 0)
		return matches;
	wire_foreach (branch, &t->branches)
		if (starts_with(ref, "refs/heads/") && streq(ref + strlen("refs/heads/"), *branch))
			return true;
	return false;
}

/* The references that the trigger wants; their number. */
static size_t put_references(struct json_writer *w, const struct telling *m,
	const struct codecommit_repository_trigger *t, bool all)
{
	size_t n = 0;

	json_open(w, '[');
	for (size_t i = 0; i < m->references->n; i++) {
		const struct json_node *r = &m->references->items[i];
		const char *event = json_member_text(r, "event");

		if (!all && !wants(t, r))
			continue;
		json_open(w, '{');
		json_put_member(w, "commit", json_member_text(r, "commit"));
		if (streq(event, EVENT_CREATE) || streq(event, EVENT_DELETE)) {
			json_key(w, streq(event, EVENT_CREATE) ? "created" : "deleted");
			json_put_bool(w, true);
		}
		json_put_member(w, "ref", json_member_text(r, "ref"));
		json_close(w, '}');
		n++;
	}
	json_close(w, ']');
	return n;
}

/* The message, or NULL when the trigger wants none of the references. */
static const char *message_of(const struct telling *m,
	const struct codecommit_repository_trigger *t, bool all, struct arena *a)
{
	CLEANUP_STR struct str text = STR_INIT;
	struct json_writer w = {.out = &text};
	size_t n;

	json_open(&w, '{');
	json_key(&w, "Records");
	json_open(&w, '[');
	json_open(&w, '{');
	json_put_member(&w, "awsRegion", m->e->region);
	json_key(&w, "codecommit");
	json_open(&w, '{');
	json_key(&w, "references");
	n = put_references(&w, m, t, all);
	json_close(&w, '}');
	json_put_member(&w, "customData", t->custom_data);
	json_put_member(&w, "eventId", id_uuid().text);
	json_put_member(&w, "eventName", m->event_name);
	json_key(&w, "eventPartNumber");
	json_put_int(&w, 1);
	json_put_member(&w, "eventSource", "aws:codecommit");
	json_put_member(&w, "eventSourceARN", source_arn(m->e, m->repository_name, a));
	json_put_member(
		&w, "eventTime", arena_printf(a, "%.23s+0000", timefmt_iso_msec(m->usec).text));
	json_key(&w, "eventTotalParts");
	json_put_int(&w, 1);
	json_put_member(&w, "eventTriggerConfigId", m->configuration_id);
	json_put_member(&w, "eventTriggerName", t->name);
	json_put_member(&w, "eventVersion", "1.0");
	json_put_member(&w, "userIdentityARN", m->actor);
	json_close(&w, '}');
	json_close(&w, ']');
	json_close(&w, '}');
	return n ? arena_strdup(a, str_text(&text)) : NULL;
}

int source_run_triggers(struct source_engine *e, struct db_tx *tx,
	const struct journal_entry *entry, const struct source_teller *teller, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct codecommit_get_repository_triggers_response doc;
	const struct json_node *push;
	struct telling m = {.e = e, .event_name = "ReferenceChange", .usec = entry->time_usec};
	int rc;

	if (json_parse(view_of(entry->detail), &a, &push, err) < 0)
		return -1;
	rc = store_document_get(
		tx, &STORE_SOURCE_TRIGGERS, json_member_text(push, "repositoryId"), &a, &doc, err);
	if (rc <= 0)
		return rc;
	m.repository_name = json_member_text(push, "repositoryName");
	m.actor = json_member_text(push, "callerUserArn");
	m.references = json_member(push, "references");
	m.configuration_id = doc.configuration_id;
	wire_foreach (t, &doc.triggers) {
		CLEANUP_ERR struct err why = ERR_INIT;
		const char *message = message_of(&m, t, false, &a);

		if (message && teller->tell(teller->arg, tx, source_arn(e, m.repository_name, &a),
				       t->destination_arn, message, &why) < 0)
			log_warn("source", "trigger %s of repository %s: %s", t->name,
				m.repository_name, err_message(&why));
	}
	return 0;
}

void source_set_teller(struct source_engine *e, const struct source_teller *teller)
{
	e->teller = *teller;
}

/* ---- operations ---- */

struct step {
	const char *repository_id;
	struct arena *arena;
	struct codecommit_get_repository_triggers_response doc;
};

static int put_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct step *s = arg;

	return store_document_put(
		tx, &STORE_SOURCE_TRIGGERS, s->repository_id, s->repository_id, &s->doc, err);
}

int source_put_repository_triggers(struct source_engine *e, struct call *call,
	const struct codecommit_put_repository_triggers_request *req,
	struct codecommit_put_repository_triggers_response *resp, struct err *err)
{
	struct store_source_repository r;
	struct step s = {.doc.triggers = req->triggers};

	if (source_load(e, req->repository_name, call->arena, &r, err) < 0 ||
		check(e, &req->triggers, err) < 0)
		return -1;
	s.repository_id = r.meta.repository_id;
	s.doc.configuration_id = arena_strdup(call->arena, id_uuid().text);
	if (durable_step(e->durable, put_fn, &s, err) < 0)
		return -1;
	resp->configuration_id = s.doc.configuration_id;
	return 0;
}

static int get_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct step *s = arg;

	return store_document_get(
		       tx, &STORE_SOURCE_TRIGGERS, s->repository_id, s->arena, &s->doc, err) < 0
		       ? -1
		       : 0;
}

int source_get_repository_triggers(struct source_engine *e, struct call *call,
	const struct codecommit_get_repository_triggers_request *req,
	struct codecommit_get_repository_triggers_response *resp, struct err *err)
{
	struct store_source_repository r;
	struct step s = {.arena = call->arena};

	if (source_load(e, req->repository_name, call->arena, &r, err) < 0)
		return -1;
	s.repository_id = r.meta.repository_id;
	if (db_read(durable_db(e->durable), get_fn, &s, err) < 0)
		return -1;
	*resp = s.doc;
	if (!resp->triggers.set)
		wire_list_alloc(call->arena, &resp->triggers, 0);
	return 0;
}

/* The tip of the default branch stands for the push; zeros in an empty repository. */
static int sample(struct source_engine *e, const struct store_source_repository *r,
	struct vcs_repository *git, struct arena *a, const struct json_node **ret, struct err *err)
{
	const char *branch = r->meta.default_branch ? r->meta.default_branch : "main";
	const char *ref = arena_printf(a, "refs/heads/%s", branch);
	CLEANUP_STR struct str text = STR_INIT;
	struct json_writer w = {.out = &text};
	struct vcs_id tip;
	int rc = vcs_ref_get(git, ref, &tip, err);

	(void)e;
	if (rc < 0)
		return -1;
	json_open(&w, '[');
	json_open(&w, '{');
	json_put_member(&w, "commit", rc ? tip.hex : VCS_ID_ZERO.hex);
	json_put_member(&w, "ref", ref);
	json_put_member(&w, "event", EVENT_UPDATE);
	json_close(&w, '}');
	json_close(&w, ']');
	return json_parse(str_view(&text), a, ret, err);
}

int source_test_repository_triggers(struct source_engine *e, struct call *call,
	const struct codecommit_test_repository_triggers_request *req,
	struct codecommit_test_repository_triggers_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct arena *a = call->arena;
	struct store_source_repository r;
	struct telling m = {.e = e,
		.repository_name = req->repository_name,
		.actor = call->principal_arn,
		.configuration_id = arena_strdup(a, id_uuid().text),
		.event_name = "TriggerEventTest",
		.usec = durable_now(e->durable)};

	if (source_open(e, req->repository_name, a, &r, &git, err) < 0 ||
		check(e, &req->triggers, err) < 0 || sample(e, &r, git, a, &m.references, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->successful_executions, req->triggers.n);
	wire_list_alloc(a, &resp->failed_executions, req->triggers.n);
	resp->successful_executions.n = resp->failed_executions.n = 0;
	wire_foreach (t, &req->triggers) {
		CLEANUP_ERR struct err why = ERR_INIT;

		if (e->teller.tell(e->teller.arg, NULL, source_arn(e, req->repository_name, a),
			    t->destination_arn, message_of(&m, t, true, a), &why) == 0)
			resp->successful_executions.v[resp->successful_executions.n++] = t->name;
		else
			resp->failed_executions.v[resp->failed_executions.n++] =
				(struct codecommit_repository_trigger_execution_failure){
					.trigger = t->name,
					.failure_message = arena_strdup(a, err_message(&why))};
	}
	return 0;
}
