/* void os_switch(void **from, void *to): x0, x1. Procedure call standard: a call preserves x19 -
 * x29, sp and the low halves of v8 - v15; x30 is where to go on.
 *
 * It leaves by `ret`, not by `br` as one would for the CPU's prediction: in memory guarded by
 * branch target identification a `br` must meet a landing pad, and the place after a call has
 * none. All switches of plait come from few places, so that the prediction is mostly right all the
 * same. */

    .text
    .macro keep_registers
    stp x29, x30, [sp, #-160]!
    .cfi_adjust_cfa_offset 160
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    stp x19, x20, [sp, #16]
    .cfi_rel_offset x19, 16
    .cfi_rel_offset x20, 24
    stp x21, x22, [sp, #32]
    .cfi_rel_offset x21, 32
    .cfi_rel_offset x22, 40
    stp x23, x24, [sp, #48]
    .cfi_rel_offset x23, 48
    .cfi_rel_offset x24, 56
    stp x25, x26, [sp, #64]
    .cfi_rel_offset x25, 64
    .cfi_rel_offset x26, 72
    stp x27, x28, [sp, #80]
    .cfi_rel_offset x27, 80
    .cfi_rel_offset x28, 88
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    .endm

    .macro take_registers_and_go /* the same frame lies here, so that what was said for unwinders holds */
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #160
    .cfi_restore x29
    .cfi_restore x30
    .cfi_restore x19
    .cfi_restore x20
    .cfi_restore x21
    .cfi_restore x22
    .cfi_restore x23
    .cfi_restore x24
    .cfi_restore x25
    .cfi_restore x26
    .cfi_restore x27
    .cfi_restore x28
    .cfi_adjust_cfa_offset -160
    ret
    .endm

    .globl os_switch
    .hidden os_switch
    .type os_switch, %function
    .p2align 6
os_switch:
    .cfi_startproc
    hint #34 /* bti c */
    keep_registers
    mov x2, sp
    str x2, [x0]
    mov sp, x1
    take_registers_and_go
    .cfi_endproc
    .size os_switch, . - os_switch

/* int os_hand_over(void **from, void *to, uint32_t *word, uint32_t value, int result): x0, x1, x2, w3,
 * w4. The stack pointer moves before the word tells others that the old stack is free, because a
 * signal's frame would otherwise be laid where somebody else runs already. */
    .globl os_hand_over
    .hidden os_hand_over
    .type os_hand_over, %function
    .p2align 6
os_hand_over:
    .cfi_startproc
    hint #34 /* bti c */
    keep_registers
    mov x5, sp
    str x5, [x0]
    mov sp, x1
    stlr w3, [x2]
    mov w0, w4
    take_registers_and_go
    .cfi_endproc
    .size os_hand_over, . - os_hand_over

/* The bottom of every context: x19 the function, x20 its argument (os_context). "x30 undefined"
 * ends every unwinder here. */
    .globl os_context_start
    .hidden os_context_start
    .type os_context_start, %function
    .p2align 4
os_context_start:
    .cfi_startproc
    .cfi_undefined x30
    hint #38 /* bti jc */
    mov x29, xzr
    mov x30, xzr
    mov x0, x20
    blr x19
    brk #0 /* the function must not return */
    .cfi_endproc
    .size os_context_start, . - os_context_start

    .section .note.gnu.property, "a"
    .p2align 3
    .long 4, 16, 5
    .asciz "GNU"
    .long 0xc0000000, 4, 1, 0 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI */

    .section .note.GNU-stack, "", %progbits
