//: # What every kernel begins with: a comment that says what it is, and the constants of its heads.
// ${name}: ${what}
// Target: ${target_name}
// Heads: ${query_heads} query, ${kv_heads} KV (${grouping}); d_qk ${head_dim}, d_v ${value_dim}; ${rules_name}
// Storage: queries and outputs ${storage_name}, ${addressing_name} in ${cache_name}; arithmetic float32

#define QUERY_HEADS ${query_heads}
#define KV_HEADS ${kv_heads}
#define GROUP ${group} // query heads that share a KV head
#define HEAD_DIM ${head_dim} // elements of a query or a key
#define VALUE_DIM ${value_dim} // elements of a value or an output
