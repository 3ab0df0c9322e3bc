//! The dashboard: the files of a page that shows all of this in a browser, carried by the program.

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One file: its name below the root of the listener, its media type, and its text.
type File = (&'static str, &'static str, &'static str);

macro_rules! files {
    ($($name:literal $media:expr),* $(,)?) => {
        [$(($name, $media, include_str!(concat!("../dashboard/", $name)))),*]
    };
}

/// What draws a net, for pages that show one elsewhere: `Drawing` of `draw.js`, and what it needs.
const DRAWING: [File; 8] = files![
    "dom.js" JS,
    "draw.js" JS,
    "layout.js" JS,
    "logo.svg" SVG,
    "look.css" CSS,
    "rates.js" JS,
    "state.js" JS,
    "words.js" JS,
];

const OTHERS: [File; 18] = files![
    "app.js" JS,
    "ask.js" JS,
    "changes.js" JS,
    "chart.js" JS,
    "diagnosis.js" JS,
    "feed.js" JS,
    "flows.js" JS,
    "gates.js" JS,
    "history.js" JS,
    "index.html" HTML,
    "laws.js" JS,
    "ledger.js" JS,
    "machine.js" JS,
    "past.js" JS,
    "settings.js" JS,
    "stage.js" JS,
    "stages.js" JS,
    "style.css" CSS,
];

/// The files that draw a net, by name, for a page of another site: they ask nobody anything, and
/// are told what `/api/net` answers.
pub fn drawing(name: &str) -> Option<&'static str> {
    DRAWING.iter().find(|file| file.0 == name).map(|file| file.2)
}

/// The media type and the text of what the dashboard is made of, by its path.
pub(crate) fn file(path: &str) -> Option<(&'static str, &'static str)> {
    let name = match path.strip_prefix('/')? {
        "" => "index.html",
        name => name,
    };
    let file = DRAWING.iter().chain(&OTHERS).find(|file| file.0 == name)?;
    Some((file.1, file.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    fn all() -> impl Iterator<Item = &'static File> {
        DRAWING.iter().chain(&OTHERS)
    }

    #[test]
    fn every_file_of_the_directory_is_carried() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/dashboard");
        let there = fs::read_dir(dir).expect("the directory");
        let there: BTreeSet<_> = there
            .map(|file| file.expect("a file").file_name().into_string().expect("text"))
            .collect();
        assert_eq!(all().map(|file| file.0.to_owned()).collect::<BTreeSet<_>>(), there);
        assert!(all().all(|(_, _, text)| (100..40_000).contains(&text.len())));
        assert!(all().all(|(_, _, text)| text.lines().count() < 800));
    }

    #[test]
    fn files_ask_for_others_that_are_there_and_for_nothing_elsewhere() {
        for (name, _, text) in all() {
            let asked = text.split("from \"./").skip(1).chain(text.split("href=\"").skip(1));
            let asked = asked.map(|rest| rest.split('"').next().expect("a name"));
            let answered = |asked: &str| asked.starts_with("api/") || asked == "metrics";
            let asked = asked.filter(|asked| !asked.starts_with('#') && !answered(asked));
            for other in asked {
                assert!(file(&format!("/{other}")).is_some(), "{name} asks for {other}");
                assert!(drawing(name).is_none() || drawing(other).is_some(), "{name}: {other}");
            }
            let elsewhere = text.replace("http://www.w3.org/", "");
            assert!(!elsewhere.contains("://"), "{name} names another place");
            for word in ["style=", "innerHTML", "onclick=", "eval(", "<style"] {
                assert!(!text.contains(word), "{name} has {word:?}, which its policy forbids");
            }
        }
    }

    #[test]
    fn the_root_is_the_page_and_only_the_drawing_is_for_others() {
        let (media, page) = file("/").expect("the page");
        assert_eq!((media, file("/index.html")), (HTML, Some((HTML, page))));
        assert!(page.contains("app.js"));
        assert_eq!(
            (file("/none"), file(""), file("//"), file("index.html")),
            (None, None, None, None)
        );
        assert!(drawing("draw.js").is_some() && drawing("app.js").is_none());
    }
}
