#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes typed C structs and walkable tables from a service model.

usage: gen_wire.py MODEL.json OPS OUT.h OUT.c

MODEL.json   operations and shapes of one service (model/<service>.json)
OPS          the operations that are in use, one a line (model/<service>.ops); a line
             "shape NAME" adds a shape that no operation reaches. Operations that are in the
             model but not in OPS get a row without shapes: they are known but not built.

How a shape becomes C (src/wire/wire.h documents the tables):
  string, enum  const char *, NULL when absent        blob   struct view, p NULL when absent
  boolean...    struct wire_bool/int/long/double      timestamp  struct wire_time
  structure     struct NAME * (by value in lists)     list   struct NAME {T *v; size_t n; bool set;}
  map           struct NAME {struct NAME_kv *v; size_t n; bool set;}
"""
import json
import os
import re
import sys

SCALARS = {
    "string": ("const char *", "WIRE_STRING"), "character": ("const char *", "WIRE_STRING"),
    "boolean": ("struct wire_bool ", "WIRE_BOOL"), "integer": ("struct wire_int ", "WIRE_INT"),
    "long": ("struct wire_long ", "WIRE_LONG"), "double": ("struct wire_double ", "WIRE_DOUBLE"),
    "float": ("struct wire_double ", "WIRE_DOUBLE"),
    "timestamp": ("struct wire_time ", "WIRE_TIMESTAMP"), "blob": ("struct view ", "WIRE_BLOB"),
}
KEYWORDS = set("""auto break case char const continue default do double else enum extern float for
goto if inline int long register restrict return short signed sizeof static struct switch typedef
union unsigned void volatile while bool true false""".split())
LOCATIONS = {"header": "WIRE_IN_HEADER", "headers": "WIRE_IN_HEADERS",
             "querystring": "WIRE_IN_QUERY", "uri": "WIRE_IN_URI", "statusCode": "WIRE_IN_STATUS"}


def snake(name):
    name = re.sub(r"[^A-Za-z0-9]+", "_", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return name.lower().strip("_")


def ident(name):
    out = snake(name)
    if out in KEYWORDS:
        out += "_"
    return "n" + out if out[0].isdigit() else out


def cstr(text):
    if text is None:
        return "NULL"
    return json.dumps(str(text), ensure_ascii=True).replace("??", "?\\?")


class Model:
    def __init__(self, path, ops_path):
        self.doc = json.load(open(path, encoding="utf-8"))
        self.service = os.path.basename(path)[:-len(".json")].replace("-", "_")
        self.shapes = self.doc["shapes"]
        self.in_use, extra = [], []
        for number, line in enumerate(open(ops_path, encoding="utf-8"), 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            if line.startswith("shape "):
                extra.append(line.split()[1])
                if extra[-1] not in self.shapes:
                    sys.exit(f"{ops_path}:{number}: no shape {extra[-1]} in {path}")
            elif line in self.doc["operations"]:
                self.in_use.append(line)
            else:
                sys.exit(f"{ops_path}:{number}: no operation {line} in {path}")
        self.reached = {}
        self.roots = []  # (c name, shape name or None)
        for op in self.in_use:
            spec = self.doc["operations"][op]
            for part, suffix in (("input", "request"), ("output", "response")):
                shape = spec.get(part, {}).get("shape")
                self.roots.append((f"{self.service}_{snake(op)}_{suffix}", shape))
                if shape:
                    self.reach_members(shape)
            for error in spec.get("errors", []):
                self.reach(error["shape"])
        for name in extra:
            self.reach(name)
        self.name_shapes()

    def name_shapes(self):
        """Gives each reached shape its C name; names that fall together get a number."""
        taken = {root for root, _ in self.roots}
        self.cnames = {}
        for shape in sorted(self.reached):
            base = name = f"{self.service}_{snake(shape)}"
            number = 2
            while name in taken:
                name = f"{base}_{number}"
                number += 1
            taken.add(name)
            self.cnames[shape] = name

    def cname(self, shape):
        return self.cnames[shape]

    def reach(self, name):
        if name in self.reached:
            return
        self.reached[name] = True
        shape = self.shapes[name]
        if shape["type"] == "structure":
            self.reach_members(name)
        elif shape["type"] == "list":
            self.reach(shape["member"]["shape"])
        elif shape["type"] == "map":
            self.reach(shape["key"]["shape"])
            self.reach(shape["value"]["shape"])

    def reach_members(self, name):
        for member in self.shapes[name].get("members", {}).values():
            self.reach(member["shape"])

    def is_plain(self, shape):
        return shape["type"] in SCALARS

    def member_type(self, name):
        """The C type of a structure member or map value of this shape, with trailing space/star."""
        shape = self.shapes[name]
        if self.is_plain(shape):
            return SCALARS[shape["type"]][0]
        if shape["type"] == "structure":
            return f"struct {self.cname(name)} *"
        return f"struct {self.cname(name)} "

    def element_type(self, name):
        """The C type of a list element."""
        if self.shapes[name]["type"] == "structure":
            return f"struct {self.cname(name)} "
        return self.member_type(name)


def emit_struct(out, m, cname, members):
    out.append(f"struct {cname} {{")
    for name, ref in members.items():
        out.append(f"\t{m.member_type(ref['shape'])}{ident(name)};")
    if not members:
        out.append("\tchar nothing_; /* no members in the model */")
    out.append("};")


def header(m):
    guard = f"TOWPATH_{m.service.upper()}_GEN_H"
    out = [f"/* Generated by tools/gen_wire.py from model/{m.service}.json. */",
           f"#ifndef {guard}", f"#define {guard}", "", '#include "wire/wire.h"', ""]
    reached = sorted(m.reached)
    kinds = {kind: [n for n in reached if m.shapes[n]["type"] == kind]
             for kind in ("structure", "list", "map")}
    for name in kinds["structure"] + kinds["list"] + kinds["map"]:
        out.append(f"struct {m.cname(name)};")
    for name in kinds["map"]:
        out.append(f"struct {m.cname(name)}_kv;")
    out.append("")
    for name in kinds["list"]:
        element = m.element_type(m.shapes[name]["member"]["shape"])
        out += [f"struct {m.cname(name)} {{", f"\t{element}*v;".replace("**", " **"), "\tsize_t n;",
                "\tbool set;", "};"]
    for name in kinds["map"]:
        out += [f"struct {m.cname(name)} {{", f"\tstruct {m.cname(name)}_kv *v;", "\tsize_t n;",
                "\tbool set;", "};"]
    for name in kinds["map"]:
        out += [f"struct {m.cname(name)}_kv {{", "\tconst char *key;",
                f"\t{m.member_type(m.shapes[name]['value']['shape'])}value;", "};"]
    for name in kinds["structure"]:
        emit_struct(out, m, m.cname(name), m.shapes[name].get("members", {}))
    for cname, shape in m.roots:
        emit_struct(out, m, cname, m.shapes[shape].get("members", {}) if shape else {})
    out.append("")
    seen = set()
    for name in reached:
        for value in m.shapes[name].get("enum", []):
            macro = f"{m.service}_{snake(name)}_{re.sub(r'[^A-Za-z0-9]+', '_', value)}".upper()
            if macro not in seen:
                seen.add(macro)
                out.append(f"#define {macro} {cstr(value)}")
    out.append("")
    for name in reached:
        out.append(f"extern const struct wire_shape {m.cname(name)}_shape;")
    for cname, _ in m.roots:
        out.append(f"extern const struct wire_shape {cname}_shape;")
    out += ["", "/* Index of each operation in the service's table. */",
            f"enum {m.service}_operation {{"]
    for op in sorted(m.doc["operations"]):
        out.append(f"\t{m.service.upper()}_OP_{snake(op).upper()},")
    out += [f"\t{m.service.upper()}_OP_COUNT,", "};",
            f"extern const struct wire_service {m.service}_service;", "", "#endif", ""]
    return "\n".join(out)


def c_bool(value):
    return "true" if value else "false"


def limits(shape):
    fields = []
    for key in ("min", "max"):
        if key in shape:
            fields.append(f".has_{key} = true, .{key} = {float(shape[key])!r}")
    return fields


def sorted_members(shape):
    """(name, reference) in the order of the table: by name on the wire."""
    return sorted(shape.get("members", {}).items(), key=lambda kv: kv[1].get("locationName", kv[0]))


def emit_members(out, m, cname, shape):
    members = shape.get("members", {})
    if not members:
        return
    required = set(shape.get("required", []))
    out.append(f"static const struct wire_member {cname}_members[] = {{")
    for name, ref in sorted_members(shape):
        target = m.shapes[ref["shape"]]
        location = LOCATIONS.get(ref.get("location"), "WIRE_IN_BODY")
        if shape.get("payload") == name:
            location = "WIRE_IN_PAYLOAD"
        fields = [f".name = {cstr(name)}", f".wire_name = {cstr(ref.get('locationName', name))}",
                  f".shape = &{m.cname(ref['shape'])}_shape",
                  f".offset = offsetof(struct {cname}, {ident(name)})", f".location = {location}"]
        if name in required:
            fields.append(".required = true")
        if ref.get("flattened") or target.get("flattened"):
            fields.append(".flattened = true")
        if ref.get("streaming") or target.get("streaming"):
            fields.append(".streaming = true")
        if ref.get("xmlAttribute"):
            fields.append(".xml_attribute = true")
        if ref.get("idempotencyToken"):
            fields.append(".idempotency_token = true")
        if ref.get("queryName"):
            fields.append(f".query_name = {cstr(ref['queryName'])}")
        namespace = ref.get("xmlNamespace")
        if namespace:
            fields.append(f".xml_namespace = {cstr(namespace['uri'])}")
        fmt = ref.get("timestampFormat")
        if fmt:
            fields.append(f".timestamp_format = {cstr(fmt)}")
        out.append("\t{" + ", ".join(fields) + "},")
    out.append("};")


def emit_structure(out, m, cname, name, shape):
    emit_members(out, m, cname, shape)
    n = len(shape.get("members", {}))
    fields = [f".name = {cstr(name)}", ".type = WIRE_STRUCT", f".size = sizeof(struct {cname})"]
    if n:
        fields.append(f".members = {cname}_members, .n_members = {n}")
    if shape.get("union"):
        fields.append(".is_union = true")
    if shape.get("sensitive"):
        fields.append(".sensitive = true")
    if shape.get("exception") or shape.get("error"):
        error = shape.get("error", {})
        fields.append(".is_error = true")
        fields.append(f".error_code = {cstr(error.get('code', name))}")
        fields.append(f".http_status = {error.get('httpStatusCode', 400 if not shape.get('fault') else 500)}")
    out.append(f"const struct wire_shape {cname}_shape = {{" + ", ".join(fields) + "};")


def emit_shape(out, m, name):
    shape, cname = m.shapes[name], m.cname(name)
    kind = shape["type"]
    if kind == "structure":
        emit_structure(out, m, cname, name, shape)
        return
    fields = [f".name = {cstr(name)}"] + limits(shape)
    if shape.get("sensitive"):
        fields.append(".sensitive = true")
    if kind in SCALARS:
        fields.append(f".type = {SCALARS[kind][1]}, .size = sizeof({SCALARS[kind][0].strip()})")
        if shape.get("pattern"):
            fields.append(f".pattern = {cstr(shape['pattern'])}")
        if shape.get("timestampFormat"):
            fields.append(f".timestamp_format = {cstr(shape['timestampFormat'])}")
        if shape.get("enum"):
            values = ", ".join(cstr(v) for v in sorted(shape["enum"]))
            out.append(f"static const char *const {cname}_values[] = {{{values}}};")
            fields.append(f".enum_values = {cname}_values, .n_enum_values = {len(shape['enum'])}")
    elif kind == "list":
        ref = shape["member"]
        target = m.shapes[ref["shape"]]
        fields += [".type = WIRE_LIST", f".size = sizeof(struct {cname})",
                   f".element = &{m.cname(ref['shape'])}_shape",
                   f".stride = sizeof(*((struct {cname} *)0)->v)",
                   f".element_name = {cstr(ref.get('locationName'))}"]
        if shape.get("flattened"):
            fields.append(".flattened = true")
        _ = target
    else:
        key, value = shape["key"], shape["value"]
        fields += [".type = WIRE_MAP", f".size = sizeof(struct {cname})",
                   f".key = &{m.cname(key['shape'])}_shape",
                   f".element = &{m.cname(value['shape'])}_shape",
                   f".stride = sizeof(struct {cname}_kv)",
                   f".value_offset = offsetof(struct {cname}_kv, value)",
                   f".key_name = {cstr(key.get('locationName'))}",
                   f".element_name = {cstr(value.get('locationName'))}"]
        if shape.get("flattened"):
            fields.append(".flattened = true")
    out.append(f"const struct wire_shape {cname}_shape = {{" + ", ".join(fields) + "};")


PAGE_IN = ("NextToken", "nextToken", "Marker", "ContinuationToken")
PAGE_OUT = ("NextToken", "nextToken", "NextMarker", "Marker", "NextContinuationToken", "nextForwardToken",
            "nextBackwardToken", "ContinuationToken")


def page_fields(m, op):
    """Which members of a paged operation are tokens. Keys of objects are no tokens: S3's markers stay as they are."""
    def places(which, names):
        shape = m.shapes.get(m.doc["operations"][op].get(which, {}).get("shape"), {})
        order = [name for name, _ in sorted_members(shape)]
        return [order.index(name) + 1 for name in names if name in order and
                not (m.service == "s3" and name.endswith("Marker"))]
    into, out = places("input", PAGE_IN), places("output", PAGE_OUT)
    if not into or not out:
        return []
    return [f".page_in = {into[0]}", ".page_out = {" + ", ".join(map(str, out)) + "}"]


def source(m):
    out = [f"/* Generated by tools/gen_wire.py from model/{m.service}.json. */",
           f'#include "{m.service}.gen.h"', ""]
    for name in sorted(m.reached):
        emit_shape(out, m, name)
    for cname, name in m.roots:
        emit_structure(out, m, cname, name or cname, m.shapes[name] if name else {})
    out.append("")
    in_use = set(m.in_use)
    for op in sorted(in_use):
        errors = [e["shape"] for e in m.doc["operations"][op].get("errors", [])]
        if errors:
            refs = ", ".join(f"&{m.cname(e)}_shape" for e in errors)
            out.append(f"static const struct wire_shape *const {m.service}_{snake(op)}_errors[] = {{{refs}}};")
    out.append(f"static const struct wire_operation {m.service}_operations[] = {{")
    for op in sorted(m.doc["operations"]):
        spec = m.doc["operations"][op]
        fields = [f".name = {cstr(op)}", f".http_method = {cstr(spec['http']['method'])}",
                  f".uri = {cstr(spec['http']['requestUri'])}"]
        if spec["http"].get("responseCode"):
            fields.append(f".http_status = {spec['http']['responseCode']}")
        if op in in_use:
            base = f"{m.service}_{snake(op)}"
            fields += [f".input = &{base}_request_shape", f".output = &{base}_response_shape"]
            if spec.get("output", {}).get("resultWrapper"):
                fields.append(f".result_wrapper = {cstr(spec['output']['resultWrapper'])}")
            if spec.get("input", {}).get("locationName"):
                fields.append(f".input_xml_name = {cstr(spec['input']['locationName'])}")
            if "output" in spec:
                fields.append(".has_output = true")
            fields += page_fields(m, op)
            if spec.get("errors"):
                fields.append(f".errors = {base}_errors, .n_errors = {len(spec['errors'])}")
        out.append(f"\t[{m.service.upper()}_OP_{snake(op).upper()}] = {{" + ", ".join(fields) + "},")
    out.append("};")
    meta = m.doc["metadata"]
    protocols = {"json": "WIRE_JSON", "rest-json": "WIRE_REST_JSON", "rest-xml": "WIRE_REST_XML",
                 "query": "WIRE_QUERY", "ec2": "WIRE_EC2", "smithy-rpc-v2-cbor": "WIRE_CBOR"}
    signing = meta.get("signingName") or meta.get("endpointPrefix")
    fields = [f".name = {cstr(m.service)}", f".protocol = {protocols[meta['protocol']]}",
              f".json_version = {cstr(meta.get('jsonVersion'))}",
              f".target_prefix = {cstr(meta.get('targetPrefix'))}",
              f".signing_name = {cstr(signing)}", f".api_version = {cstr(meta.get('apiVersion'))}",
              f".xml_namespace = {cstr(meta.get('xmlNamespace'))}",
              f".query_compatible = {c_bool('awsQueryCompatible' in meta)}",
              f".operations = {m.service}_operations",
              f".n_operations = {len(m.doc['operations'])}"]
    out.append(f"const struct wire_service {m.service}_service = {{" + ",\n\t".join(fields) + "};")
    out.append("")
    return "\n".join(out)


def main():
    model = Model(sys.argv[1], sys.argv[2])
    for path, text in ((sys.argv[3], header(model)), (sys.argv[4], source(model))):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
