//! Catalogues of texts: tables, from which [`catalogue!`] makes the functions.

/// Makes a function for each text of a table. A row in one language:
///
/// ```text
/// pair_ended(pair: usize, child: Pid) => "(père) paire {pair} : fils {child} terminé";
/// ```
///
/// `where pattern = value` before the arrow is a `let` before the text.
///
/// In a table that begins with `impl Messages, |self| language;` each row is a method, with its
/// French and its English. Without arguments it returns `&'static str`, else a `String`:
///
/// ```text
/// closed => "le serveur a fermé la connexion", "the server closed the connection";
/// ```
macro_rules! catalogue {
    (impl $messages:ident, |$self:ident| $language:expr; $(
        $(#[$doc:meta])*
        $name:ident $(($($arg:ident: $type:ty),+))? $(where $($part:pat = $value:expr),+)? =>
        $french:literal, $english:literal;
    )*) => {
        impl $messages {
            $($crate::cli::catalogue! {
                @method $self, $language;
                $(#[$doc])*
                $name $(($($arg: $type),+))? $(where $($part = $value),+)? => $french, $english
            })*
        }
    };
    (@method $self:ident, $language:expr; $(#[$doc:meta])*
     $name:ident => $french:literal, $english:literal) => {
        $(#[$doc])*
        pub fn $name($self) -> &'static str {
            $language.pick($french, $english)
        }
    };
    (@method $self:ident, $language:expr; $(#[$doc:meta])*
     $name:ident($($arg:ident: $type:ty),+) $(where $($part:pat = $value:expr),+)? =>
     $french:literal, $english:literal) => {
        $(#[$doc])*
        pub fn $name($self, $($arg: $type),+) -> String {
            $($(let $part = $value;)+)?
            match $language {
                $crate::cli::Language::French => format!($french),
                $crate::cli::Language::English => format!($english),
            }
        }
    };
    ($(
        $(#[$doc:meta])*
        $name:ident($($arg:ident: $type:ty),+) $(where $($part:pat = $value:expr),+)? => $text:literal;
    )*) => {
        $($(#[$doc])*
        pub fn $name($($arg: $type),+) -> String {
            $($(let $part = $value;)+)?
            format!($text)
        })*
    };
}

pub(crate) use catalogue;
