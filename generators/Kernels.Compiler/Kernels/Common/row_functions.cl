//: # Where a token's rows begin in the cache, counted in items of its type.
static long key_row(int sequence, int kv_head, int token, ${address_parameters})
{
    return ${row_of_token(token, ${row_length(HEAD_DIM)})};
}

//: if calls_value_row
static long value_row(int sequence, int kv_head, int token, ${address_parameters})
{
    return ${row_of_token(token, ${value_row_length})};
}

//: end
//: if scales_tokens
static long scale_index(int sequence, int kv_head, int token, ${address_parameters})
{
    return ${row_of_token(token, 1)};
}

//: end
