#include "queue/entry.h"

bool entry_tie(entry_compare *compare, struct entry a, struct entry b)
{
    int said = compare ? compare(a.cell->item, b.cell->item) : 0;
    return said ? said < 0 : a.cell->order < b.cell->order;
}
