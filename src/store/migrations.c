/* SPDX-License-Identifier: Apache-2.0 */
#include "store/migrations.h"

#include "store/bucket.h"
#include "store/build_batch.h"
#include "store/build_project.h"
#include "store/build_record.h"
#include "store/build_report.h"
#include "store/build_report_group.h"
#include "store/deploy_application.h"
#include "store/deploy_command.h"
#include "store/deploy_config.h"
#include "store/deploy_deployment.h"
#include "store/deploy_group.h"
#include "store/deploy_revision.h"
#include "store/document.h"
#include "store/event_archive.h"
#include "store/image.h"
#include "store/image_blob.h"
#include "store/log_event.h"
#include "store/metric.h"
#include "store/object.h"
#include "store/pipeline.h"
#include "store/pipeline_action.h"
#include "store/pipeline_job.h"
#include "store/pipeline_run.h"
#include "store/source_ref_intent.h"
#include "store/source_repository.h"
#include "store/upload.h"

/* Each entity's file defines its steps as
 *   const struct db_migration store_NAME_migrations[] = {{"1-create", "CREATE TABLE ..."}};
 *   const size_t store_NAME_migrations_n = ARRAY_SIZE(store_NAME_migrations);
 * declares both in its header, and adds one row here, sorted by name. */

static const struct component {
	const char *name;
	const struct db_migration *steps;
	const size_t *n;
} components[] = {
	{"bucket", store_bucket_migrations, &store_bucket_migrations_n},
	{"object", store_object_migrations, &store_object_migrations_n},
	{"upload", store_upload_migrations, &store_upload_migrations_n},
	{"build-batch", store_build_batch_migrations, &store_build_batch_migrations_n},
	{"build-project", store_build_project_migrations, &store_build_project_migrations_n},
	{"build-record", store_build_record_migrations, &store_build_record_migrations_n},
	{"build-report", store_build_report_migrations, &store_build_report_migrations_n},
	{"build-report-group", store_build_report_group_migrations,
		&store_build_report_group_migrations_n},
	{"deploy-application", store_deploy_application_migrations,
		&store_deploy_application_migrations_n},
	{"deploy-command", store_deploy_command_migrations, &store_deploy_command_migrations_n},
	{"deploy-config", store_deploy_config_migrations, &store_deploy_config_migrations_n},
	{"deploy-deployment", store_deploy_deployment_migrations,
		&store_deploy_deployment_migrations_n},
	{"deploy-group", store_deploy_group_migrations, &store_deploy_group_migrations_n},
	{"deploy-revision", store_deploy_revision_migrations, &store_deploy_revision_migrations_n},
	{"document", store_document_migrations, &store_document_migrations_n},
	{"event-archive", store_event_archive_migrations, &store_event_archive_migrations_n},
	{"image", store_image_migrations, &store_image_migrations_n},
	{"image-blob", store_image_blob_migrations, &store_image_blob_migrations_n},
	{"log-event", store_log_event_migrations, &store_log_event_migrations_n},
	{"metric", store_metric_migrations, &store_metric_migrations_n},
	{"pipeline", store_pipeline_migrations, &store_pipeline_migrations_n},
	{"pipeline-action", store_pipeline_action_migrations, &store_pipeline_action_migrations_n},
	{"pipeline-job", store_pipeline_job_migrations, &store_pipeline_job_migrations_n},
	{"pipeline-run", store_pipeline_run_migrations, &store_pipeline_run_migrations_n},
	{"source-ref-intent", store_source_ref_intent_migrations,
		&store_source_ref_intent_migrations_n},
	{"source-repository", store_source_repository_migrations,
		&store_source_repository_migrations_n},
	{NULL, NULL, NULL}, /* keeps the table non-empty */
};

int store_migrate(struct db *db, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(components); i++) {
		const struct component *c = &components[i];

		if (c->name && db_migrate(db, c->name, c->steps, *c->n, err) < 0)
			return err_wrap(err, "tables of %s", c->name);
	}
	return 0;
}
