"""Other libraries under the same clock. Every file here runs in an interpreter that has no fastgrad.

So nothing here imports anything of fastgrad: `spawn.peer_command` puts this folder's parent on the interpreter's path
and runs ``peers.with_torch`` or ``peers.with_jax``.
"""
