use super::*;

const REQUEST: Option<Protocol> = Some(Protocol::Request);
const GREETING: Option<Protocol> = Some(Protocol::Greeting);
const BINARY: Option<Protocol> = Some(Protocol::Binary);

fn protocol(bytes: &[u8], expected: Expected) -> Option<Protocol> {
    foreign(bytes, expected).map(|foreign| foreign.protocol)
}

#[test]
fn other_protocols_are_recognised_by_their_first_bytes() {
    let rows: [(&[u8], Option<Protocol>); 78] = [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", REQUEST),
        (b"\r\n\r\nGET / HTTP/1.0\r\n\r\n", REQUEST),
        (b"PATCH /x HTTP/1.1\r\n", REQUEST),
        (b"M-SEARCH * HTTP/1.1\r\n", REQUEST),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REQUEST),
        (b"OPTIONS / RTSP/1.0\r\n\r\n", REQUEST),
        (b"OPTIONS sip:nm SIP/2.0\r\n", REQUEST),
        (b"CONNECT host:443 HTTP/1.1\0", REQUEST),
        (b"GET /a b c HTTP/1.1\r\n", REQUEST),
        // Methods are case-sensitive, and curl sends any: `curl -X patch`.
        (b"get / HTTP/1.1\r\n", REQUEST),
        (b"patch http://x/ http/1.1\r\n", REQUEST),
        (b"M / HTTP/1.1\r\n", REQUEST),
        (b"GET \t/  HTTP/1.1 \r\n", REQUEST),
        (b"GET /\r\n", REQUEST),
        // Padding in front is no first line.
        (b"\0GET / HTTP/1.1\r\n", REQUEST),
        (b"\0\0\n\0GET / HTTP/1.1\r\n", REQUEST),
        // Nor is a byte order mark.
        (b"\xef\xbb\xbfGET / HTTP/1.1\r\n", REQUEST),
        (b"\xef\xbb\xbf\r\nGET / HTTP/1.1\r\n", REQUEST),
        (b"\xef\xbb\xbfSSH-2.0-x\r\n", GREETING),
        (b"HEAD /x HTTP/1.1\r\n", Some(Protocol::HeadRequest)),
        (b"EHLO example.org\r\n", GREETING),
        (b"HELO me\r\n", GREETING),
        (b"EHLO\r\n", GREETING),
        (b"ehlo example.org\r\n", GREETING),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 51000 5015\r\nbob : salut\n", GREETING),
        (b"PROXY UNKNOWN\r\n", GREETING),
        (b"<?xml version='1.0'?><stream:stream to='x'>", GREETING),
        (b"<stream:stream to='x' xmlns='jabber:client'>", GREETING),
        (b"*1\r\n$4\r\nPING\r\n", GREETING),
        (b"SSH-2.0-x\r\n", GREETING),
        (b"SSH-1.99-OpenSSH_9\r\n", GREETING),
        (b"RFB 003.008\n", GREETING),
        (b"HTTP/1.1 200 OK\r\n", GREETING),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Some(Protocol::Tls)),
        // In small records, and cut.
        (b"\x16\x03\x01\0\x01\x01\x16\x03\x01\0\x01\0\n", Some(Protocol::Tls)),
        (b"\x16\x03", Some(Protocol::Tls)),
        // An older hello, DNS, SMB, X11, Kerberos, LDAP, RDP, Java RMI, RPC, MQTT, BitTorrent.
        (b"\x80\x2e\x01\x03\x01\x00\x15", BINARY),
        (b"\0\x1e\0\x06\x01\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0", BINARY),
        (b"\0\0\0\xa4\xffSMBr\0\0\0\0\x08\x01@\0", BINARY),
        (b"l\0\x0b\0\0\0\0\0\0\0\0\0", BINARY),
        (b"\0\0\0qj\x81n0\x81k\xa1\x03\x02\x01\x05", BINARY),
        (b"0\x0c\x02\x01\x01`\x07\x02\x01\x02\x04\0\x80\0", BINARY),
        (b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0", BINARY),
        (b"JRMI\0\x02K", BINARY),
        (b"\x80\0\0(r\xfe\x1d\x13\0\0\0\0\0\0\0\x02", BINARY),
        (b"\x10\x0c\0\x04MQTT\x04\x02", BINARY),
        (b"\x13BitTorrent protocol", BINARY),
        // adb, SOCKS, PostgreSQL, Cassandra, X11 of the other byte order.
        (b"CNXN\0\0\0\x01\0\x10\0\0", BINARY),
        (b"AMQP\0\0\x09\x01", BINARY),
        (&[b"l\0\x0b\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\0", &[5; 100][..]].concat(), BINARY),
        (b"\x1a\0\0\0\x05\0\0\0\0\0\0\0\xd4\x07\0\0\0\0\0\0admin\0", BINARY),
        (&[b"A\0\0\0:0\0\0\xff\xff\xff\xff\xd4\x07", &[1; 51][..]].concat(), BINARY),
        // nmap's NCP, IBM MQ and LDAP; HBase, Omron's FINS, EtherNet/IP; a printer's language.
        (b"DmdT\0\0\0\x17\0\0\0\x01\0\0\0\0\x11\x11\0\xff\x01\xff\x13", BINARY),
        (b"TSH \0\0\0\xec\x01\x011\0\0\0\0\0\0\0\0\0\0\0\x01\x11\x04\xb8\0\0ID  \n", BINARY),
        (b"0\x84\0\0\0-\x02\x01\x07c\x84\0\0\0$\x04\0\n\x01\0\n\x01\0\x02\x01\0\x02\x01d\x01\x01\0", BINARY),
        (b"HBas\0\x50\0\0\0\x05", BINARY),
        // Thrift and Dubbo.
        (b"\x80\x01\0\x01\0\0\0\x04ping\0\0\0\0", BINARY),
        (b"\xda\xbb\xc2\0\0\0\0\0\0\0\0\x01\0\0\0\x01N", BINARY),
        (b"FINS\0\0\0\x0c\0\0\0\0\0\0\0\x01", BINARY),
        (b"e\0\x04\0\0\0\0\0\0\0\0\0\x01\0\0\0", BINARY),
        (b"\x1b%-12345X@PJL INFO ID\r\n\x1b%-12345X\r\n", GREETING),
        (b"\x05\x02\0\x02", BINARY),
        // Java's writeUTF.
        (b"\0\x05salut", BINARY),
        (b"\0\x0ezoe : bon jour", BINARY),
        (b"\0\0\0)\0\x03\0\0user\0bob\0\0", BINARY),
        (b"\x04\0\0\0\x05\0\0\0\0", BINARY),
        (b"\0\n\0\x05\x16\x7f\0", BINARY),
        (b"\n\x05\x02\0\x02", BINARY),
        (b"B\0\0\x0b\0\0\0\0\0\0\0\0", BINARY),
        // Logins and prelogins of TDS (SQL Server, Sybase).
        (b"\x02\0\x02\0\0\0\0\0vm\0", BINARY),
        (b"\x10\x01\0\xcc\0\0\x01\0\xc4\0\0\0", BINARY),
        (b"\x12\x01\0\x43\0\0\0\0\0\0\x1f", BINARY),
        (b"\x12\x01\0\x2f\0\0\x01\0\0\0\x1a", BINARY),
        (b"\x12\x01\0\x67\0\0\0\0\0\0\x24", BINARY),
        (b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c", GREETING),
        // A request within the first line of a longer one.
        (&[b"GET /", &[b'a'; 1000][..]].concat(), REQUEST),
        (b"BREW /pot HTCPCP/1.0\r\n", REQUEST),
        (b"DESCRIBE rtsp://x/ RTSP/1.0\r\n", REQUEST),
    ];
    for (bytes, expected) in rows {
        assert_eq!(protocol(bytes, Expected::Text), expected, "{}", crate::text::visible(bytes));
    }
}

#[test]
fn speech_is_not_foreign() {
    let long = [&b"SALUT "[..], &[b'a'; 1000]].concat();
    let rows: [&[u8]; 81] = [
        // The first line alone is that of a request, not all that comes with it.
        &[&b"RDV 12:30\0"[..], &[0; 1014]].concat(),
        &[&b"NOTE http://x.fr\n"[..], &b"une ligne\n".repeat(100)].concat(),
        &[&b"FROM alpine:3.19\n"[..], &b"RUN apk add curl\n".repeat(80)].concat(),
        b"alice : bonjour\0",
        b"\xef\xbb\xbfalice : bonjour\0",
        b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03bonjour\r\n",
        b"\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0bonjour\r\n",
        b"alice : GET / HTTP/1.1\0",
        b"bob > salut\n",
        b"bonjour\n",
        b"bonjour\nsalut\x01toi\n",
        b"TP SUR HTTP/1.1\n",
        b"RFC 9112 : HTTP/1.1\n",
        b"ON FAIT QUOI AVEC HTTP/2.0 ?\n",
        b"bob : HTTP/1.1\0",
        b"bob > HTTP/1.1\0",
        b"bob: /x HTTP/1.1\n",
        b"lis http://x.org/ sur HTTP/1.1\n",
        b"un mot/deux HTTP/1.1\n",
        b"/quit\n",
        b"http://x.org/\n",
        b"GETTING there\0",
        b"HELO les gens !\n",
        b"HELO les",
        // Their rest may be more words.
        b"GET /",
        b"RFB 3.8",
        b"HELO\n",
        b"helo toi\n",
        b"EHLO les gens !\n",
        b"PROXY ou pas ?\n",
        b"*1\r\n",
        b"*sourit*\n",
        b"GET lost\n",
        b"EHLOS\0",
        b"POSTE\0",
        b"HTTP/1.1 c'est quoi ?\n",
        b"USB-3.0\n",
        b"PYTHON 3.12 est sorti\n",
        b"TCP/IP\n",
        b"A / B\n",
        b"5\r\n",
        b" 7 8\n",
        b"%bob%salut\n",
        b"\n",
        b"\0",
        b"\0\0\0",
        b"",
        b"tab\tet\x08retour\x1b[Aarri\xe8re\x07\n",
        "h\u{e9} \u{1f44d} \u{20ac}\0".as_bytes(),
        // Encodings of older systems: ISO 8859, code page 850.
        b"caf\xe9\0",
        b"caf\x82\0",
        // ISO 2022, with its escape sequences. UTF-16 in Latin and other letters, as of Windows.
        b"\x1b$B$3$s\x1b(B\n",
        b"b\0o\0n\0\r\0\n\0",
        b"\xff\xfe\x1f\x04@\x048\x04",
        b"\xfe\xff\x04\x1f\x04@\x048",
        b"\x1f\x04@\x048\x04 \0!\0\r\0\n\0",
        b"\x04\x1f\x04@\x048\0\n",
        b"\x04\x1f\0 \0o\0k\0\n",
        b"Z\0o\0\xe9\0\n\0",
        b"\xe9\0\xe9\0\n\0",
        b"B\x01o\0k\0\n\0",
        "\u{17d}e\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>().leak(),
        "\u{141}o\u{15b}\n".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>().leak(),
        // Blocks of a fixed size, whose rest is whatever the client's memory held.
        b"alice : salut\0\x7f\x01\x02\x03\xff\0",
        b"\0\0\0\0alice : salut\0\x7f\x01\x02\x03\xff\0",
        b"salut\n\0\x05\x16\x7f\0",
        b"\n\0\0\0\0\x10\x5e\xf7\xff\x7f\0\0\xe8\xd3\xff\xff\xff\x7f\0\0\x01",
        b"\r\n\0\x05\x16\x7f\0",
        b" \n\0\x05\x16\x7f\0",
        b"salut\0\x05\x16\x7f",
        b"12\0\x7f\x01",
        b"5\0\x05\0\x16",
        b"a\0\0\0\x05",
        b"-3\0\x05",
        b"AMQP\0\0",
        // A name of a protocol in a block that was cleared; and "0\u{e4}" of code page 850.
        b"TSH \0\0\0\0",
        b"FINS\n\0\x05\x16\x7f\0",
        b"0\x84\0\0\0\0\0\0",
        b"0\x84\0\0\0\x7f\x05\x16",
        b"\x1b[A\x1b%\n",
        &long,
    ];
    for bytes in rows {
        assert_eq!(protocol(bytes, Expected::Text), None, "{}", crate::text::visible(bytes));
    }
}

#[test]
fn a_file_may_hold_anything_but_a_web_request() {
    for bytes in [&b"\x7fELF\x02\x01\x01\0"[..], b"\x89PNG\r\n\x1a\n", b"SSH-2.0-x\n", b"EHLO x\n", b"text\n"]
    {
        assert_eq!(protocol(bytes, Expected::File), None, "{}", crate::text::visible(bytes));
    }
    assert_eq!(protocol(b"\xef\xbb\xbfGET / HTTP/1.1\r\n", Expected::File), None);
    assert_eq!(protocol(b"POST /x HTTP/1.1\r\n", Expected::File), REQUEST);
    assert_eq!(protocol(b"\x16\x03\x01\x02\0\x01", Expected::File), Some(Protocol::Tls));
    for bytes in [&b"POST /x HTTP/1.1\r\n"[..], b"get / http/1.0\r\n", b"GET /\r\n", b"GET / HT", b"\r\n"] {
        assert_eq!(protocol(bytes, Expected::Request), None, "{}", crate::text::visible(bytes));
    }
    for bytes in [&b"OPTIONS / RTSP/1.0\r\n"[..], b"OPTIONS sip:nm SIP/2.0\r\n"] {
        assert_eq!(protocol(bytes, Expected::Request), REQUEST, "{}", crate::text::visible(bytes));
    }
    for bytes in [&b"PROXY TCP4 192.0.2.1"[..], b"SSH-2.0-x\r\n", b"\xf9\xbe\xb4\xd9version\0", b"salut\n"] {
        assert_eq!(protocol(bytes, Expected::Request), GREETING, "{}", crate::text::visible(bytes));
    }
    assert_eq!(protocol(b"\x16\x03\x01\x02\0\x01", Expected::Request), Some(Protocol::Tls));
}

#[test]
fn a_first_line_in_pieces_is_judged_as_a_whole_and_later_ones_are_not() {
    let request = b"POST /x HTTP/1.1\r\n";
    for cut in 0..request.len() {
        let mut first = FirstBytes::new(Some(Expected::Text));
        let found = [&request[..cut], &request[cut..]].map(|piece| first.feed(piece));
        assert!(found.iter().flatten().count() == 1 && first.feed(request).is_none(), "{cut}: {found:?}");
    }
    let mut first = FirstBytes::new(Some(Expected::Text));
    assert_eq!([b"bonjour\n", &request[..]].map(|piece| first.feed(piece)), [None, None]);
    assert_eq!(FirstBytes::new(None).feed(request), None);
}

#[test]
fn a_foreign_peer_survives_the_way_through_a_record_and_is_bounded() {
    let foreign = foreign(&[b"GET /", &[b'a'; 1000][..]].concat(), Expected::Text).unwrap();
    assert_eq!(foreign.sample.len(), SHOWN);
    assert_eq!(Foreign::from_bytes(&foreign.to_bytes()), Some(foreign));
    for wrong in [&b""[..], b"\0", b"\x09x", &[1; SHOWN + 2]] {
        assert_eq!(Foreign::from_bytes(wrong), None, "{wrong:?}");
    }
}

#[test]
fn the_answer_is_in_the_protocol_of_the_peer() {
    let answer = |bytes: &[u8]| {
        let foreign = foreign(bytes, Expected::Text).unwrap();
        String::from_utf8(
            foreign.answer(BAD_REQUEST, "no web server", |reason| [reason.as_bytes(), b"\0"].concat()),
        )
        .unwrap()
    };
    let get = answer(b"GET / HTTP/1.1\r\n");
    assert!(
        get.starts_with("HTTP/1.1 400 ")
            && get.ends_with(
                "Content-Length: 14\r\nConnection: close\r\n\
        X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\nno web server\n"
            ),
        "{get}"
    );
    assert!(answer(b"HEAD / HTTP/1.1\r\n").ends_with("\r\n\r\n"));
    assert_eq!(answer(b"SSH-2.0-x\r\n"), "no web server\0");
    assert_eq!(answer(b"\x16\x03\x01\x02\0\x01"), "");
}

#[test]
fn the_beginning_of_a_request_or_greeting_is_held_and_that_of_a_text_is_not() {
    let is_held = |bytes: &[u8]| {
        let mut first = FirstBytes::new(Some(Expected::Text));
        assert_eq!(first.feed(bytes), None);
        let now = Instant::now();
        let held = first.held_until(now);
        assert_eq!((first.held_until(now + HOLD / 2), first.held_until(now + HOLD)), (held, None));
        held.is_some()
    };
    for bytes in [
        &b"GE"[..],
        b"GET ",
        b"OPTIONS sip",
        b"get /x HT",
        b"SSH-",
        b"EHL",
        b"\0\nGE",
        b"GET /x y",
        b"GET /",
        b"RFB 3.8",
        b"HELO les",
        b"\xef\xbb\xbfGET /x HT",
    ] {
        assert!(is_held(bytes), "{}", crate::text::visible(bytes));
    }
    for bytes in [&b"bob : GET /"[..], b"bonjour", b"bonjour toi", b"SALUT LES GENS", b"SALUT\0", b"42", b""]
    {
        assert!(!is_held(bytes), "{}", crate::text::visible(bytes));
    }
}
