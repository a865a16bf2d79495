// Objects as dcmjs reads them, in the JSON model of DICOM, by file name.
const fs = require("fs");
const path = require("path");
const { DicomMessage } = require("dcmjs").data;

function value(vr, one) {
    if (vr === "SQ") return dataset(one);
    if (vr === "PN" && typeof one === "string") return { Alphabetic: one };
    if (vr === "AT" && typeof one === "number") return one.toString(16).padStart(8, "0");
    return one;
}

function element({ vr, Value }) {
    const values = Value ?? [];
    if (values[0] instanceof ArrayBuffer)
        return { vr, InlineBinary: Buffer.from(values[0]).toString("base64") };
    return values.length ? { vr, Value: values.map(one => value(vr, one)) } : { vr };
}

function dataset(read) {
    return Object.fromEntries(Object.entries(read).map(([tag, one]) => [tag, element(one)]));
}

const read = file => DicomMessage.readFile(new Uint8Array(fs.readFileSync(file)).buffer).dict;
const found = process.argv.slice(2).map(file => [path.basename(file), dataset(read(file))]);
process.stdout.write(JSON.stringify(Object.fromEntries(found)));
