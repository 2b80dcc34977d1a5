#pragma once

// One version of a loop per instruction set, chosen at run time.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define LRP_PER_INSTRUCTION_SET __attribute__((target_clones("avx512f", "avx2,fma", "default")))
#else
#define LRP_PER_INSTRUCTION_SET
#endif
