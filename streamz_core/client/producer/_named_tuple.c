/* Making a named tuple of its fields in one call: see named_tuple.py, which says the same in Python.
 *
 * tuple.__new__ gets the class and a tuple of the fields packed into one more tuple, cuts the class off that, and
 * copies the fields: for seven of them twice what the allocation and the seven references take.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Whether objects of the class are laid out as tuples are, and nobody's C code counts on more. */
static int
is_laid_out_as_tuple(PyTypeObject *cls)
{
    return PyType_HasFeature(cls, Py_TPFLAGS_TUPLE_SUBCLASS)
        && PyType_HasFeature(cls, Py_TPFLAGS_HEAPTYPE)
        && PyType_HasFeature(cls, Py_TPFLAGS_BASETYPE) /* os.stat_result and its like are not */
        && cls->tp_basicsize == PyTuple_Type.tp_basicsize;
}

static PyObject *
by_tuple_new(PyObject *const *args, Py_ssize_t count)
{
    PyObject *fields = PyTuple_New(count - 1);
    if (fields == NULL) {
        return NULL;
    }
    for (Py_ssize_t field = 1; field < count; field++) {
        PyTuple_SET_ITEM(fields, field - 1, Py_NewRef(args[field]));
    }
    PyObject *made = PyObject_CallMethod((PyObject *)&PyTuple_Type, "__new__", "OO", args[0], fields);
    Py_DECREF(fields);
    return made;
}

static PyObject *
named_tuple(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "named_tuple() missing its class");
        return NULL;
    }
    if (!PyType_Check(args[0]) || !is_laid_out_as_tuple((PyTypeObject *)args[0])) {
        return by_tuple_new(args, count);
    }
    PyTypeObject *cls = (PyTypeObject *)args[0];
    PyObject *made = cls->tp_alloc(cls, count - 1); /* its items are NULL, which the collector may see */
    if (made == NULL) {
        return NULL;
    }
    for (Py_ssize_t field = 1; field < count; field++) {
        PyTuple_SET_ITEM(made, field - 1, Py_NewRef(args[field]));
    }
    return made;
}

static PyMethodDef functions[] = {
    {"named_tuple", (PyCFunction)(void (*)(void))named_tuple, METH_FASTCALL,
     "named_tuple($module, cls, /, *fields)\n--\n\nThe tuple of ``fields`` that is a ``cls``."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_named_tuple",
    .m_doc = "named_tuple.py in C.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__named_tuple(void)
{
    return PyModuleDef_Init(&definition);
}
