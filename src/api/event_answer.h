/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are event streams: messages over a reply that stays open. */
#ifndef TOWPATH_API_EVENT_ANSWER_H
#define TOWPATH_API_EVENT_ANSWER_H

#include "api/protocol.h"

/* Sends the head of the answer and, as clients of the JSON protocols want it, the members of the
 * response beside the stream (there are none) as a first message. The exchange was deferred. */
void api_event_answer_open(struct api_request *r);
/* Sends a struct of the operation's event union, with one member set. */
enum call_emitted api_event_answer_send(struct api_request *r, const void *event);

#endif
