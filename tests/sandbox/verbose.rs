//! `-v`: one line says what confines the children, or why something does not.

use super::*;

#[test]
fn verbose_tells_what_was_applied_and_what_was_not_wanted() {
    for lab in LABS {
        let in_french = ["chat_serveur", "relay_serveur"].iter().any(|name| lab.server.ends_with(name));
        let [confined, limits, no_limits, no_seccomp] = match in_french {
            true => [
                "chaque fils est confiné : ",
                "limites (ni processus, ni core",
                "aucune limite",
                "pas de seccomp",
            ],
            false => ["each child is confined: ", "limits (no process, no core", "no limits", "no seccomp"],
        };
        let running = lab.start(&["-v"]);
        let all = running.server.program.out.line_with(&[confined]);
        assert!(all.contains(limits), "{all}");
        if !lacks_seccomp() {
            assert!(all.contains("; seccomp (") && all.contains("EPERM"), "{all}");
        }
        let running = lab.start(&["-v", "--no-limits", "--no-seccomp"]);
        let nothing = running.server.program.out.line_with(&[confined]);
        assert!(
            nothing.contains(
                &format!("{no_limits} (--no-limits); {no_seccomp} (--no-seccomp)")
                    .replace(';', if in_french { " ;" } else { ";" })
            ),
            "{nothing}"
        );
        let running = lab.start(&[]);
        assert!(!running.server.program.out.so_far().contains("confin"));
    }
}

#[test]
fn iterative_says_that_nothing_is_confined() {
    for server in [env!("CARGO_BIN_EXE_echo_serveur"), env!("CARGO_BIN_EXE_calc_serveur")] {
        let server = Server::of(server, &["-v", "--iterative"]);
        server.program.out.line_with(&["(parent) without children, nothing is confined"]);
    }
}

/// A kernel that knows no seccomp(2), as far as a program can tell: each call of it is refused.
#[test]
#[cfg(target_arch = "x86_64")]
fn where_the_kernel_has_no_seccomp_the_line_says_so_and_clients_are_served() {
    if lacks_seccomp() {
        return;
    }
    for lab in LABS {
        let mut command = Command::new(lab.server);
        command.args(["--bind", "127.0.0.1", "--port", "0", "-v"]).args(lab.options);
        refuse_seccomp(&mut command);
        let server = Server::from(&mut command);
        server.program.out.line_with(&["seccomp (", "Function not implemented"]);
        let mut clients: Vec<Peer> = (0..lab.clients).map(|_| server.connect()).collect();
        (lab.talk)(&mut clients);
    }
}

/// Has the program's kernel answer ENOSYS to seccomp(2), by seccomp itself: prctl(2), `PR_SET_SECCOMP`.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
fn refuse_seccomp(command: &mut Command) {
    use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};
    let line = |code: u32, jf: u8, k: u32| sock_filter { code: code as u16, jt: 0, jf, k };
    let refused = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    let program = [
        line(BPF_LD | BPF_W | BPF_ABS, 0, 0),
        line(BPF_JMP | BPF_JEQ | BPF_K, 1, libc::SYS_seccomp as u32),
        line(BPF_RET | BPF_K, 0, refused),
        line(BPF_RET | BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let install = move || {
        nix::sys::prctl::set_no_new_privs()?;
        let program = sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
        // SAFETY: the kernel copies these instructions, which outlive the call.
        match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it makes two system calls, and nothing on the heap.
    unsafe { std::os::unix::process::CommandExt::pre_exec(command, install) };
}
