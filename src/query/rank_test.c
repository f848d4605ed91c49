/* query/rank_test.c - $rankFusion: scores, what is known of them behind other stages, refusals. */
#include "lib/pipeline_case.h"

#define RANK_DOCS                                                                                  \
    "{'d': [{'_id': 1, 'a': 1, 'l': [1, 2]}, {'_id': 2, 'a': 2, 'l': [1, 2]}, {'_id': 3, 'a': "    \
    "3}]}"
#define RANK_UP "'up': [{'$sort': {'a': 1}}]"
#define RANK_FUSION(pipelines, more)                                                               \
    "{'$rankFusion': {'input': {'pipelines': {" pipelines "}}" more "}}"

TEST(rank_fusion_sums_what_the_inputs_give)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [" RANK_FUSION(RANK_UP, "") ", {'$unset': 'l'}]}", RANK_DOCS,
         "{'_id':1,'a':1}{'_id':2,'a':2}{'_id':3,'a':3}", 0},
        {"{'p': [" RANK_FUSION("'down': [{'$match': {'a': {'$gt': 1}}}, {'$sort': {'a': -1}}, "
                               "{'$limit': 1}]",
                               "") "]}",
         RANK_DOCS, "{'_id':3,'a':3}", 0},
        {"{'p': [" RANK_FUSION(RANK_UP ", 'three': [{'$match': {'a': 3}}, {'$sort': {'a': 1}}]",
                               ", 'combination': {'weights': {'three': 9}}") ", {'$limit': 1}]}",
         RANK_DOCS, "{'_id':3,'a':3}", 0},
        {"{'p': [" RANK_FUSION(
             RANK_UP,
             ", 'combination': {'weights': {'up': 61}}") ", {'$unwind': '$l'}, {'$project': {'s': "
                                                         "{'$meta': 'score'}}}, {'$limit': 2}]}",
         RANK_DOCS, "{'_id':1,'s':1.0}{'_id':1,'s':1.0}", 0},
        {"{'p': [" RANK_FUSION(
             RANK_UP,
             ", 'combination': {'weights': {'up': 61}}") ", {'$limit': 1}, {'$addFields': {'s': "
                                                         "{'$meta': 'score'}}}, {'$unset': 'l'}]}",
         RANK_DOCS, "{'_id':1,'a':1,'s':1.0}", 0},
        {"{'p': [" RANK_FUSION(RANK_UP,
                               ", 'scoreDetails': true") ", {'$limit': 1}, {'$project': {'d': "
                                                         "{'$meta': 'scoreDetails'}}}, "
                                                         "{'$project': {'d': '$d.details.rank'}}]}",
         RANK_DOCS, "{'_id':1,'d':[1]}", 0},
        {"{'p': [" RANK_FUSION(RANK_UP, "") "]}", RANK_DOCS, "", 146, 200},
    };
    PIPELINE_CASES(cases);
}

TEST(rank_fusion_refuses_what_changes_documents)
{
    static const struct pipeline_case cases[] = {
        {"{'p': [{'$match': {}}, " RANK_FUSION(RANK_UP, "") "]}", RANK_DOCS, "", 10170100},
        {"{'p': [{'$match': {}}, {'$facet': {'f': [" RANK_FUSION(RANK_UP, "") "]}}]}", RANK_DOCS,
         "", 10170100},
        {"{'p': [" RANK_FUSION("'x': [{'$match': {}}]", "") "]}", RANK_DOCS, "", 9191100},
        {"{'p': [" RANK_FUSION("'x': [{'$sort': {'a': 1}}, {'$set': {'b': 1}}]", "") "]}",
         RANK_DOCS, "", 9191103},
        {"{'p': [" RANK_FUSION("'x': [" RANK_FUSION(RANK_UP, "") "]", "") "]}", RANK_DOCS, "",
         10473002},
        {"{'p': [" RANK_FUSION(RANK_UP, ", 'combination': {'weights': {'up': -1}}") "]}", RANK_DOCS,
         "", 9460300},
        {"{'p': [" RANK_FUSION(RANK_UP, ", 'combination': {'weights': {'off': 1}}") "]}", RANK_DOCS,
         "", 9967500},
        {"{'p': [" RANK_FUSION(RANK_UP, "") ", {'$project': {'s': {'$meta': 'scoreDetails'}}}]}",
         RANK_DOCS, "", 40218},
    };
    PIPELINE_CASES(cases);
}
