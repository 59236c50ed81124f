//: # The barriers of the stages, and the part of the warps that copy: the same tiles in the same order as those that multiply. The row of a
//: # latent cache is key and value at once; others have values of their own, which arrive after the keys.
if (thread == 0)
{
    for (int s = 0; s < STAGES; s++)
    {
        init_barrier(keys_there + s * 8, COPY_ITEMS);
        init_barrier(keys_free + s * 8, ROW_ITEMS / 32);
        //: if !latent
        init_barrier(values_there + s * 8, COPY_ITEMS);
        init_barrier(values_free + s * 8, ROW_ITEMS / 32);
        //: end
    }
}
barrier(CLK_LOCAL_MEM_FENCE);
if (thread >= ROW_ITEMS)
{
    give_registers(COPY_REGISTERS);
    const int copy_row = (thread - ROW_ITEMS) / 8;
    int tile = 0;
    for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
    {
        //: include tile_class
        const uint stage_at = tiles_at + tile % STAGES * STAGE_SIZE;
        const uint stage_barrier = tile % STAGES * 8;
        const uint parity = tile / STAGES % 2;
        tile++;
        wait_phase(keys_free + stage_barrier, parity ^ 1); // at once the first time
        //: include copy_rows(from: keys, row: key_row, dim: HEAD_DIM, to: stage_at)
        arrive_when_copied(keys_there + stage_barrier);
        //: if !latent
        wait_phase(values_free + stage_barrier, parity ^ 1); // at once the first time
        //: include copy_rows(from: values, row: value_row, dim: VALUE_DIM, to: stage_at + KEY_SIZE)
        arrive_when_copied(values_there + stage_barrier);
        //: end
    }
    asm volatile("cp.async.wait_all;");
    return;
}
