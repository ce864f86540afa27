/* void os_switch(void **from, void *to): rdi, rsi. The System V ABI lets a call change every
 * register but rbx, rbp, r12 - r15 and rsp, so these six go to the old stack, above them lies the
 * address after the call.
 *
 * It leaves by a jump, not by `ret`: the CPU predicts a `ret` to go back to its own caller, which
 * is exactly where a switch does not go. `notrack`, because the place after a call has no landing
 * pad for indirect branch tracking. There is no mark for shadow stacks (SHSTK) below: with them
 * on, the first return on the new stack would fault, so a program with plait must not be marked. */

    .text
    .macro keep_registers /* on the old stack, above them the address after the call */
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    .endm

    .macro take_registers_and_go /* the new stack has the same frame on top, so that what was said for unwinders
                                    still holds */
    popq %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    popq %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    popq %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    popq %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    notrack jmpq *%rcx
    .endm

    .globl os_switch
    .hidden os_switch
    .type os_switch, @function
    .p2align 6 /* one cache line */
os_switch:
    .cfi_startproc
    endbr64
    keep_registers
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    take_registers_and_go
    .cfi_endproc
    .size os_switch, . - os_switch

/* int os_hand_over(void **from, void *to, uint32_t *word, uint32_t value, int result): rdi, rsi, rdx,
 * ecx, r8d. The stack pointer moves before the word tells others that the old stack is free, because
 * a signal's frame would otherwise be laid where somebody else runs already. */
    .globl os_hand_over
    .hidden os_hand_over
    .type os_hand_over, @function
    .p2align 6 /* one cache line */
os_hand_over:
    .cfi_startproc
    endbr64
    keep_registers
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    movl %ecx, (%rdx) /* a release: the CPU keeps stores in order */
    movl %r8d, %eax
    take_registers_and_go
    .cfi_endproc
    .size os_hand_over, . - os_hand_over

/* The bottom of every context: r12 the function, r13 its argument (os_context). "rip undefined"
 * ends every unwinder here; without it gdb and exceptions would read on into the stack's owner. */
    .globl os_context_start
    .hidden os_context_start
    .type os_context_start, @function
    .p2align 4
os_context_start:
    .cfi_startproc
    .cfi_undefined %rip
    endbr64
    xorl %ebp, %ebp
    movq %r13, %rdi
    callq *%r12
    ud2 /* the function must not return */
    .cfi_endproc
    .size os_context_start, . - os_context_start

    .section .note.gnu.property, "a"
    .p2align 3
    .long 4, 16, 5
    .asciz "GNU"
    .long 0xc0000002, 4, 1, 0 /* GNU_PROPERTY_X86_FEATURE_1_AND: IBT */

    .section .note.GNU-stack, "", @progbits
