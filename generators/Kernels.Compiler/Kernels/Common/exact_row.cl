//: # A row of the work tile once more, key by key, in plain arithmetic, by a team of work-items: each has the scores of some keys, and some
//: # columns of the output. A weight of 0 does not keep NaN or an infinity in the value of a masked key from a row; sums of large values
//: # overflow where their mean does not; products of large queries and keys overflow before they are scaled. Each leaves an output that
//: # is not finite, so finite outputs prove that nothing of the kind has happened, and the fast path asks nothing else.
//: #
//: # Holes: row, is_needed: the row, and whether it is to be done, the same for the whole team. team_size: the keys that the team takes at
//: # a time; member: the work-item's place in it; columns, column, has_column: how many of the output it has, which is its c-th, and
//: # whether it has that one (empty: it has all); share, shared, end_share: statements that let the others have its number 'own', that of
//: # the i-th, and statements after all have been used. float_type, no_score, zero, masked: in vectors where one work-item is the team.
//: # rolled: elsewhere loops are not to be unrolled, so that the fast path pays for this one with no registers.
if (${is_needed})
{
    // Something is not finite: the row once more, key by key. What it does not see has no part in it.
    global const ${storage}* const query = queries + packed_row(work, kv_head, ${row}) * HEAD_DIM;
    //: if rope
    global const float2* const angles = query_angles(work, ${row}, rope);
    //: end
    //: if needs_rows
    Row exact_row;
    ${set_row(exact_row, ${row_lanes})}
    //: end
    ${float_type} own_max = ${no_score};
    ${float_type} own_sum = ${zero};
    ${rolled}
    for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += ${team_size})
    {
        const ${float_type} score = exact_score(
            query, keys${key_scales_argument}, sequence, kv_head, ${team_key}, work.kv_end,
            ${addressing}${row_argument}${angles_argument}${score_arguments});
        const ${float_type} top = fmax(own_max, score);
        const ${float_type} origin = top == ${no_score} ? ${zero} : top;
        own_sum = own_sum * exp2(${power(own_max, origin)}) + exp2(${power(score, origin)});
        own_max = top;
    }
    float exact_max = -INFINITY;
    {
        const ${float_type} own = own_max;
        ${share}
        ${rolled}
        for (int i = 0; i < ${team_size}; i++)
        {
            const float of_member = ${shared};
            exact_max = fmax(exact_max, of_member);
        }
        ${end_share}
    }
    const float origin = exact_max == -INFINITY ? 0.0f : exact_max;
    float exact_sum = 0.0f;
    {
        const ${float_type} own = own_sum * exp2(${power(own_max, origin)});
        ${share}
        ${rolled}
        for (int i = 0; i < ${team_size}; i++)
        {
            const float of_member = ${shared};
            exact_sum += of_member;
        }
        ${end_share}
    }
    float exact[${columns}];
    for (int c = 0; c < ${columns}; c++)
    {
        exact[c] = isnan(exact_sum) ? NAN : 0.0f;
    }
    if (exact_sum > 0.0f)
    {
        ${rolled}
        for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += ${team_size})
        {
            const ${float_type} score = exact_score(
                query, keys${key_scales_argument}, sequence, kv_head, ${team_key}, work.kv_end,
                ${addressing}${row_argument}${angles_argument}${score_arguments});
            {
                const ${float_type} own = score > ${no_score} ? exp2(${power(score, origin)}) / exact_sum : ${masked};
                ${share}
                ${rolled}
                for (int i = 0; i < ${team_size}; i++)
                {
                    const float of_member = ${shared};
                    if (of_member >= 0.0f) // below 0: masked
                    {
                        const int key = first_key + i;
                        //: if latent
                        global const ${cache}* const value = keys + ${row_of_token(key, ${row_length(HEAD_DIM)})};
                        //: else
                        global const ${cache}* const value = values + ${row_of_token(key, ${row_length(VALUE_DIM)})};
                        //: end
                        //: if scales_tokens
                        const float value_scale = value_scales[${row_of_token(key, 1)}];
                        //: end
                        //: if scales_heads
                        const float value_scale = value_scales[kv_head];
                        //: end
                        for (int c = 0; c < ${columns}; c++)
                        {
                            const int d = ${column};
                            //: if has_column
                            if (${has_column})
                            {
                                exact[c] += exact_term(of_member, ${load_cached(value, d)}${times_value_scale});
                            }
                            //: else
                            exact[c] += exact_term(of_member, ${load_cached(value, d)}${times_value_scale});
                            //: end
                        }
                    }
                }
                ${end_share}
            }
        }
    }
    const int exact_is_final = work.partial_row < 0;
    const long exact_to = exact_is_final ? packed_row(work, kv_head, ${row}) : (long)(work.partial_row + ${row}) * KV_HEADS + kv_head;
    //: if sinks
    const float exact_sink = exp2(${sink_power(sinks[kv_head * GROUP + (work.first_row + ${row}) % GROUP], exact_max)});
    //: end
    for (int c = 0; c < ${columns}; c++)
    {
        const int d = ${column};
        //: if has_column
        if (${has_column})
        {
            //: include exact_store
        }
        //: else
        //: include exact_store
        //: end
    }
    if (${is_first}exact_is_final)
    {
        lse[exact_to] = exact_sum == 0.0f ? -INFINITY : ${natural(exact_max)} + log(exact_sum);
    }
    else if (${is_first}!exact_is_final)
    {
        partial_states[exact_to] = (float2)(exact_max, exact_sum);
    }
}
