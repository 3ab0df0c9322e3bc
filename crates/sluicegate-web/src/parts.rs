//! Takes multipart bodies apart, as a client does: for tests.

/// The parts of a multipart body: their heads and their content.
pub(crate) fn parts(kind: &str, body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("it has parts");
    let (body, mark) = (String::from_utf8_lossy(body), format!("\r\n--{boundary}"));
    let body = format!("\r\n{body}");
    let body = body.strip_suffix(&format!("{mark}--\r\n")).expect("it ends with the last mark");
    let begin = format!("{mark}\r\n");
    let each = body.split(&begin).skip(1).map(|part| {
        let (head, content) = part.split_once("\r\n\r\n").expect("each part has a head");
        (head.to_owned(), content.as_bytes().to_vec())
    });
    each.collect()
}
