/* SPDX-License-Identifier: Apache-2.0 */
/* Structs as XML: answers of the query protocols, both directions of rest-xml. */
#ifndef TOWPATH_WIRE_XML_H
#define TOWPATH_WIRE_XML_H

#include "codec/xml.h"
#include "wire/wire.h"

/* Appends the body members of a structure as elements, without an element around them. */
void wire_encode_xml_members(
	const struct wire_shape *shape, const void *structure, struct str *out);
/* Appends a member's value as an element (or several, when flattened) of its wire name. */
void wire_encode_xml_member(const struct wire_member *m, const void *structure, struct str *out);
/* Decodes the children of node into *ret (shape->size bytes, zeroed here), body members only at
 * the top. Unknown elements are ignored. ERR_MALFORMED names the element. */
int wire_decode_xml(const struct wire_shape *shape, const struct xml_node *node, struct arena *a,
	void *ret, struct err *err);

#endif
