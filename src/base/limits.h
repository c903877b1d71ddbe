/* SPDX-License-Identifier: Apache-2.0 */
/* Every cap on what a user can grow, in one place. Sizes in bytes unless the name says more. */
#ifndef TOWPATH_BASE_LIMITS_H
#define TOWPATH_BASE_LIMITS_H

#include "base/macros.h"

#define LIMIT_API_BODY (12 * MIB)	  /* a buffered API request */
#define LIMIT_HTTP_HEADER (16 * KIB)	  /* all headers of one request */
#define LIMIT_HTTP_PUSH ((size_t)1 * MIB) /* of a live reply, waiting for the peer to take it */
#define LIMIT_TLS_FILE (256 * KIB)	  /* a chain of certificates, a key */
#define LIMIT_CBOR_DEPTH 64
#define LIMIT_JSON_DEPTH 64
#define LIMIT_JSON_BODY (12 * MIB)
#define LIMIT_WIRE_DECODED (64 * MIB) /* structs made from one document */
#define LIMIT_XML_DEPTH 64
#define LIMIT_XML_NODES 200000
#define LIMIT_XML_STREAM_TEXT (64 * KIB) /* kept of one element read by the stream */
#define LIMIT_XML_STREAM_TAG (1 * MIB)
#define LIMIT_FORM_FIELDS 50000
#define LIMIT_YAML_FILE (1 * MIB) /* buildspec, appspec */
#define LIMIT_YAML_NODES 100000	  /* after alias expansion */
#define LIMIT_YAML_DEPTH 64
#define LIMIT_COMMAND_OUTPUT (1 * MIB) /* of a helper program that Towpath runs for itself */
#define LIMIT_POLICY_DOCUMENT (128 * KIB)
#define LIMIT_BUCKET_POLICY (20 * KIB)
#define LIMIT_ARCHIVE_ENTRIES 1000000
#define LIMIT_ARCHIVE_BYTES (64 * GIB)	 /* unpacked */
#define LIMIT_CLONE_BYTES (64 * GIB)	 /* of the disk; what --clone-limit is without it */
#define LIMIT_COUNTED_METRICS 100000	 /* of a minute, or more while the store takes none */
#define LIMIT_MATH_POINTS 10000000	 /* that metric math makes for a request */
#define LIMIT_LOG_LINE (256 * KIB)	 /* longer ones are split */
#define LIMIT_PIPELINE_STATES (1 * MIB)	 /* kept answers of GetPipelineState */
#define LIMIT_REPORT_FILE (64 * MIB)	 /* one test or coverage file */
#define LIMIT_REPORT_CASES 500		 /* test cases kept of a report */
#define LIMIT_REPORT_COVERED_FILES 10000 /* covered files kept of a report */
#define LIMIT_REPORT_NAME 1000		 /* characters of a test case */
#define LIMIT_REPORT_MESSAGE 5000
#define LIMIT_REPORT_OUTCOME (64 * MIB) /* what reading a report gave */
#define LIMIT_REPORT_TESTS 200000	/* tests that one TRX file defines */
#define LIMIT_PAGE_TOKEN (2 * KIB)

#endif
