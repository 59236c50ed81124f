//: # What happens to scores, in the lane vocabulary: what is known of a query row, the user's mods, and the functions transform_score
//: # and is_visible. Each step of transform_score is a file in Scores; each mask is one condition of is_visible.
//: #
//: # row_values: what steps and masks keep of a row. makes_rows: the kernel calls make_row, not only set_row: Oclgrind 21.10 takes no
//: # kernel in which a function that returns a larger struct is inlined twice, so what needs a second row sets it.
//: for mod in mod_sources
${mod}

//: end
// What is known of a query row before any key is read.
typedef struct
{
    lanes_int query; // position of the query, counted in keys of the sequence
    //: if asks_head
    lanes_int head; // query head
    //: end
    //: if asks_batch
    lanes_int batch; // index of the request in the launch
    //: end
    //: if asks_prefix
    lanes_int prefix; // keys that every query sees
    //: end
    //: for value in row_values
    //: if !value.is_wide
    ${value.type} ${value.name};
    //: end
    //: end
    //: if row_has_gap
    lanes_int unused; // leaves no gap before what is wider: Mesa's rusticl reads structs with gaps wrongly
    //: end
    //: for value in row_values
    //: if value.is_wide
    ${value.type} ${value.name};
    //: end
    //: end
} Row;

static __attribute__((always_inline)) void set_row(Row* to, WorkTile work${row_parameters}, lanes_int row_of_work)
{
    const lanes_int r = work.first_row + row_of_work;
    Row row;
    row.query = work.position + r / GROUP;
    //: if asks_head
    row.head = kv_head * GROUP + r % GROUP;
    //: end
    //: if asks_batch
    row.batch = (lanes_int)(work.batch);
    //: end
    //: if asks_prefix
    row.prefix = (lanes_int)(work.prefix);
    //: end
    //: for value in row_values
    row.${value.name} = ${value.expression};
    //: end
    *to = row;
}
//: if makes_rows

static Row make_row(WorkTile work${row_parameters}, lanes_int row_of_work)
{
    Row row;
    ${set_row(row, row_of_work)}
    return row;
}
//: end
//: if transforms

// From scale * (q.k) to what the softmax takes.
static lanes_float transform_score(lanes_float score, Row row, lanes_int key${transform_parameters})
{
    //: for step in score_steps
    //: include ${step.template}
    //: end
    return score;
}
//: end
//: if hides_keys

// Whether a row's query sees the key at a position.
static lanes_int is_visible(Row row, lanes_int key${visible_parameters})
{
    return ${is_visible};
}
//: end
