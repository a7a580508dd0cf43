//! Which sheets of a workbook are exports or tables. A workbook is often a sheet of data among sheets for people,
//! so one that is of no known format is left out, and said so, where another is.

use super::{Content, Detection, Registry, recognise as recognise_one};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::TableKind;

/// Recognises the sheets of one workbook.
pub(super) fn recognise(contents: Vec<Content>, registry: &Registry) -> Vec<Result<Detection, Vec<Finding>>> {
    let workbook = contents.first().and_then(|c| c.workbook.clone()).unwrap_or_default();
    let (mut notes, mut names) = (Vec::new(), Vec::new());
    let (mut found, mut broken, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for mut content in contents {
        notes.append(&mut content.findings);
        let source = content.source.clone();
        let hidden = content.hidden_sheet();
        names.push(content.survey.sheet.as_ref().map(|s| s.name().to_string()).unwrap_or_default());
        match recognise_one(content, registry) {
            Ok(detection) => found.push((detection, hidden)),
            Err(said) if said.iter().all(|f| f.code == Code::I102) => unknown.push((source, said)),
            Err(said) => broken.push(said),
        }
    }
    // A pivot of the data has an account, a product and a number as well: read, it would count all twice. So would what a
    // pivot is made of, which is often hidden.
    let vendors = found.iter().any(|(d, _)| d.kind() == TableKind::Usage && !d.spec.fallback);
    let is_shown = found.iter().any(|(_, hidden)| hidden.is_none());
    let twice =
        |(d, hidden): &(Detection, Option<Finding>)| d.spec.fallback && (vendors || (hidden.is_some() && is_shown));
    let (twice, found): (Vec<_>, Vec<_>) = found.into_iter().partition(twice);
    notes.extend(twice.into_iter().map(|(sheet, _)| {
        let beside = if vendors { "beside a sheet of a known one" } else { "and is hidden, beside one that is shown" };
        let message = format!(
            "the sheet fits no format but {}, {beside}; it was left out, for what it has may be counted there; if it \
             holds usage of its own, save it as a file of its own",
            sheet.spec.id
        );
        Finding::new(Code::I102, message).severity(Severity::Warning).at(Place::file(sheet.source))
    }));
    let with_hidden = |(mut detection, hidden): (Detection, Option<Finding>)| {
        detection.findings.extend(hidden);
        detection
    };
    let mut found: Vec<Detection> = found.into_iter().map(with_hidden).collect();
    if found.is_empty() && broken.is_empty() {
        let said = if let [(_, said)] = unknown.as_slice() {
            said.clone()
        } else {
            let message = "no sheet of the workbook has the headings of a known format; its sheets are";
            vec![Finding::new(Code::I102, message).at(Place::file(workbook)).value(names.join(", "))]
        };
        return vec![Err(said.into_iter().chain(notes).collect())];
    }
    notes.extend(unknown.into_iter().map(|(source, _)| {
        let message = "the sheet is of no known format and was left out, as another sheet of the workbook is of one";
        Finding::new(Code::I102, message).severity(Severity::Info).at(Place::file(source))
    }));
    match (found.first_mut(), broken.first_mut()) {
        (Some(first), _) => first.findings.splice(0..0, notes).for_each(drop),
        (None, Some(first)) => first.extend(notes),
        (None, None) => {}
    }
    found.into_iter().map(Ok).chain(broken.into_iter().map(Err)).collect()
}
