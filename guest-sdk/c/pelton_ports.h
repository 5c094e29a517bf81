/* Several outputs; pelton.h includes it.
 *
 *     PELTON_PORT(blanks, blank, PELTON_PASS_NONE)
 *     #define PORTS(PORT) PORT(blanks)
 *     PELTON_PORTS(PORTS)
 *
 * The main output is the one that the operator's own macro names; the others are ports, which a job reads as `operator.blanks`.
 */
#ifndef PELTON_PORTS_H
#define PELTON_PORTS_H

typedef struct {
    const char *name;
    const pelton_column *makes;
    uint32_t makes_count;
    const pelton_rule *rules;
    uint32_t rules_count;
    /* the SDK's: what the call has made, and the order of the columns in the contract */
    pelton_out *out;
    uint32_t *order;
} pelton_port;

typedef struct {
    pelton_port *const *list;
    uint32_t count;
} pelton_ports;

/* Those that PELTON_PORTS names; without it there are none. */
extern const pelton_ports pelton_the_ports;

/* Forgets what the row has made: it is rejected. */
void pelton_ports_forget(uint32_t row);
/* The rows of a port, the next of which comes from `row`. SDKs of other languages call it. */
pelton_out *pelton_port_out(uint32_t at, uint32_t row);

/* Declares the output `operator.PORT` for rows of ROW (made by PELTON_ROW, and of another name), with rules of its own behind them, in the
 * place of the operator's. `PORT_emit(out, &row)` puts a row there; `out` is what ROW_emit takes: the argument of a flat-map, or
 * pelton_from(…), pelton_from_none(…) or pelton_of_key(…). */
#define PELTON_PORT(port_name, row_name, ...)                                                                                 \
    static const pelton_rule port_name##_port_rules[] = {{PELTON_RULE_NONE, NULL, NULL}, ##__VA_ARGS__};                      \
    static pelton_port port_name##_port = {#port_name, row_name##_list, PELTON_COUNT(row_name##_list), port_name##_port_rules, \
                                           PELTON_COUNT(port_name##_port_rules), NULL, NULL};                                 \
    static inline __attribute__((unused)) void port_name##_emit(const pelton_out *from, const struct row_name *row) {         \
        port_name##_port.out->row = from->row;                                                                                \
        row_name##_emit(port_name##_port.out, row);                                                                           \
    }

#define PELTON_PORT_OF(name) &name##_port,
#define PELTON_PORTS(LIST)                                                                                                    \
    static pelton_port *const pelton_ports_list[] = {LIST(PELTON_PORT_OF)};                                                   \
    const pelton_ports pelton_the_ports = {pelton_ports_list, PELTON_COUNT(pelton_ports_list)};

#endif
